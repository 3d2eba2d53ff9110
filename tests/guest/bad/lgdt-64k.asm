; A table as large as a table can be, with entries where the kernel has its own.
%include "tests/guest/bad.inc"
guest
	load_table table, 0xffff
	over 0
section .bss
	alignb 4096
table:	resb 0x10000
