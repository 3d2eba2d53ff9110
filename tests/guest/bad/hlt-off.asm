; The other end of a guest: HLT with interrupts off.
%include "tests/guest/bad.inc"
guest
	say "halts"
	hlt
