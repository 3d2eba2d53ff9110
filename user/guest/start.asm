; The first instructions, the way from an exception to C, and two callees that C cannot be.
extern guest_main, trap
global guest_start, trap_stubs, far_callee, code16

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

; stub VECTOR, PUSH: where the processor pushes no error code, PUSH puts a zero.
%macro stub 1-2+
section .rodata
	dd %1, %%entry
section .text
%%entry:
	%2
	push dword %1
	jmp to_c
%endmacro

section .rodata
trap_stubs: ; (vector, address) pairs, up to a null address
	stub 0, push dword 0
	stub 6, push dword 0
	stub 11
	stub 12
	stub 13
	stub 0x30, push dword 0
section .rodata
	dd 0, 0

section .text
to_c:
	pushad
	mov eax, esp ; struct trap_frame
	push ds
	push es
	mov cx, ss ; flat, whatever the code before had loaded
	mov ds, cx
	mov es, cx
	push eax
	call trap
	pop eax
	pop es
	pop ds
	popad
	add esp, 8 ; vector, error code
	iret

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
