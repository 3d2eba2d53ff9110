; Waits for an interrupt, of which there is none.
%include "tests/guest/bad.inc"
guest
	sti
	hlt
	over 0
