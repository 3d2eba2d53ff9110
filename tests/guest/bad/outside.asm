; Reads behind its memory.
%include "tests/guest/bad.inc"
guest
	mov eax, [0x1000000]
	over 0
