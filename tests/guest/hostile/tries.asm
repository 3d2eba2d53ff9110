; Loads and calls that must fault: EAX says whether one did not.
global may_load, may_call, counts_down
extern set_gate

section .text
; may_load(selector): FS.
may_load:
	call quietly
	xor eax, eax
	mov fs, [esp + 4]
	inc eax
	ret

; may_call(offset, selector)
may_call:
	call quietly
	xor eax, eax
	call far [esp + 4]
	mov eax, 1
	ret

; #NP and #GP of its caller end that, with EAX 0.
quietly:
	push dword 0x8e00
	push failed
	push dword 0x0b
	call set_gate
	push dword 0x8e00
	push failed
	push dword 0x0d
	call set_gate
	add esp, 24
	mov [stack], esp
	ret
failed:
	mov esp, [stack]
	add esp, 4
	xor eax, eax
	ret

bits 16
counts_down:
	xor ax, ax
	db 0x48 ; DEC AX, or in 64-bit code a prefix
	nop
	o32 retf

section .bss
stack:	resd 1
