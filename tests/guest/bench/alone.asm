; The table has a page of its own; the busy data are on another.
global table, table_bytes, selectors, neighbours

section .bss
	alignb 4096
table:	resq 16
end_of_table:
	alignb 4096
neighbours: resd 4
	alignb 4096

section .rodata
table_bytes: dd end_of_table - table
selectors: dd 0x18, 0x20, 0x28, 0x30
