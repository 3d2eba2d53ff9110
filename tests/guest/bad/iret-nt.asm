; An IRET to the task that another one's TSS names: there are no tasks.
%include "tests/guest/bad.inc"
guest
	push 0x4002
	popf
	push 2
	push 0x08
	push .on
	iret
.on:	over 0
