; How a CPU with nothing to do waits.  Kernel mode, interrupts off; returns behind
; an interrupt, with interrupts on.
;
; STI holds interrupts back until HLT has begun, so that none that was to wake the
; CPU comes in front of it.  But an NMI between the two ends that: the interrupt
; then comes in front of HLT, which would wait for the next one.  Its handler goes
; on behind the HLT instead (kernel/trap.c).

	bits	64
	section	.text progbits alloc exec nowrite align=16

	global	idle_wait, idle_halt
idle_wait:
	sti
idle_halt:
	hlt
	ret
