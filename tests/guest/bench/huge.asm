; The table is on four pages, of which each has a descriptor that is used; the busy data
; lie behind it on the last one.  Selectors 3d0 to 3ff are null.
global table, table_bytes, selectors, neighbours

section .bss
	alignb 4096
	resb 512
table:	resq 1920
neighbours: resd 4
	alignb 4096

section .rodata
table_bytes: dd neighbours - table
selectors: dd 0x18, 0x1200, 0x2200, 0x3200
