; An exception whose gate leads to a null segment: the double fault's gate does not help.
%include "tests/guest/bad.inc"
guest
	load_table table, 0x17
	lidt [idtr]
	ud2
	over 0
section .data
	align 4096
table:	dq 0, FLAT_CODE, FLAT_DATA
idt:	times 6 dq 0
	dq 0x00008e0000000000 ; #UD: selector 0
idtr:	dw $ - idt - 1
	dd idt
