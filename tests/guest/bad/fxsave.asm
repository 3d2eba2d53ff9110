; More bytes at once, beside the table, than the monitor feeds.
%include "tests/guest/bad.inc"
guest
	load_table table, 0x17
	fxsave [state]
	over 0
section .data
	align 4096
table:	dq 0, FLAT_CODE, FLAT_DATA
	align 16
state:	times 512 db 0
