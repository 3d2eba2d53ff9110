; The table lies on the page from which the guest executes.
%include "tests/guest/bad.inc"
guest
	load_table table, 0x17
	over 0
	align 8
table:	dq 0, FLAT_CODE, FLAT_DATA
