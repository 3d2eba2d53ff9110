; An exception without an IDT.
%include "tests/guest/bad.inc"
guest
	ud2
	over 0
