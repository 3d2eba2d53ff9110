; idle_wait(), entered as behind an NMI: see tests/suites/sched_queue.c.
; Kernel mode, interrupts off.

	bits	64
	section	.text progbits alloc exec nowrite align=16

	extern	idle_halt

	global	idle_interrupted
idle_interrupted:
	sti
	jmp	idle_halt		; what waits comes behind this one
