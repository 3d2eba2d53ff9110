; A table of limit 0: not even the null descriptor is whole.
%include "tests/guest/bad.inc"
guest
	load_table table, 0
	over 0
section .data
table:	dq 0
