; How a CPU with nothing to do waits.  Kernel mode, interrupts off; returns behind
; an interrupt, with interrupts on.
;
; STI holds interrupts back until HLT has begun, so the one that should wake the CPU
; cannot come before it.  But an NMI between the two ends that shadow: the interrupt
; then comes before HLT, which would wait for the next one.  So the handler resumes
; behind the HLT (kernel/trap.c).

	bits	64
	section	.text progbits alloc exec nowrite align=16

	global	idle_wait, idle_halt
idle_wait:
	sti
idle_halt:
	hlt
	ret
