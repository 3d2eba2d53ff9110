; The first instructions, and two callees that C cannot be.
extern guest_main
global guest_start, far_callee, code16

%define MAGIC 0x1badb002

section .multiboot
	dd MAGIC, 0, -MAGIC ; no flags: nothing is asked of the loader

; A multiboot loader has left 32-bit protected mode without paging, flat segments of a
; table of its own, and no stack.
section .text
guest_start:
	cli
	cld
	mov esp, stack_top
	jmp guest_main

; The selector that a far call has pushed.
far_callee:
	mov eax, [esp + 4]
	retf

; For a 16-bit code segment that begins here; 32-bit code would take more bytes for 1616.
bits 16
code16:	mov ax, 0x1616
	o32 retf

section .bss
	alignb 4096
	resb 8192
stack_top:
