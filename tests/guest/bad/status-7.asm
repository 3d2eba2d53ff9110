; An end that says that something was wrong.
%include "tests/guest/bad.inc"
guest
	over 7
