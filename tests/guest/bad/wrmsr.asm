; An instruction that the monitor does not emulate.
%include "tests/guest/bad.inc"
guest
	mov ecx, 0x1b
	wrmsr
	over 0
