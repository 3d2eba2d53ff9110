; The table lies in the middle of a page of data, with busy ones right behind it.
global table, table_bytes, selectors, neighbours

section .bss
	alignb 4096
	resb 1024
table:	resq 16
neighbours: resd 4
	resb 4096

section .rodata
table_bytes: dd neighbours - table
selectors: dd 0x18, 0x20, 0x28, 0x30
