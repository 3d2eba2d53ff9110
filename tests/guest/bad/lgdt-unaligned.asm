; A table at an odd address, which the processor takes: not bad at all.
%include "tests/guest/bad.inc"
guest
	load_table table, 0x17
	jmp 0x08:.loaded
.loaded:
	mov ax, 0x10
	mov ds, ax
	mov es, ax
	mov ss, ax
	cmp dword [table + 4], 0
	jne .wrong
	cmp byte [table + 0x15], 0x93
	jne .wrong
	say "the table is at an odd address"
	over 0
.wrong:	over 1
section .data
	align 4096
	times 1365 db 0
table:	dq 0, FLAT_CODE, FLAT_DATA
