; A table that ends behind the 16 MiB that a guest has.
%include "tests/guest/bad.inc"
guest
	load_table 0xfffff0, 0x1f
	over 0
