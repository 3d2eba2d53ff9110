; What C cannot be: code at the end of a segment, and where its descriptor is overwritten.
global edge, edge_code, frame_handler
extern set_gate

%define CODE 0x08

section .data
saved:	dd 0

section .text
; The first CLI is the last byte of its segment: what comes behind is beyond the limit.
edge_code:
	cli
	cli
	ud2

; edge(selector): the vector of the exception behind CLI, and 256 times its IP.
edge:
	push ebx
	push esi
	push edi
	mov [saved], esp
	push dword 0x8e00
	push edge_ud
	push dword 6
	call set_gate
	push dword 0x8e00
	push edge_gp
	push dword 0x0d
	call set_gate
	mov esp, [saved]
	push dword [esp + 16]
	push dword 0
	jmp far [esp]
edge_ud:
	mov eax, [esp]
	shl eax, 8
	mov al, 6
	jmp edge_end
edge_gp:
	mov eax, [esp + 4]
	shl eax, 8
	mov al, 0x0d
edge_end:
	mov esp, [saved]
	pop edi
	pop esi
	pop ebx
	ret

; In a segment whose descriptor lies under the stack.
frame_handler:
	iret
