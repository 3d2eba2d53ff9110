; A descriptor where the kernel has its own: selectors 3d0 to 3ff.
%include "tests/guest/bad.inc"
guest
	load_table table, 0x3ff
	over 0
section .data
	align 4096
table:	dq 0, FLAT_CODE, FLAT_DATA
	times 0x7a - 3 dq 0
	dq FLAT_DATA
	times 5 dq 0
