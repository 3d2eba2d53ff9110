; An LDT of 4 GiB: one byte more than its size can say.
%include "tests/guest/bad.inc"
guest
	load_table table, 0x17
	mov ax, 0x10
	lldt ax
	over 0
section .data
	align 4096
table:	dq 0, FLAT_CODE, 0x008f82000000ffff
