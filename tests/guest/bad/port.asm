; A port that the guest does not have.
%include "tests/guest/bad.inc"
guest
	in al, 0x70
	over 0
