; What a loader has put over the kernel: the kernel is damaged then, and can do no more
; than say so, if this much of it is whole.  QEMU puts a large initramfs as low as it
; must; nothing between QEMU and us compares the two ranges.
;
; boot/start32.asm calls it, in 32-bit mode without paging, before anything but code and
; text of .boot (the first bytes of the image) and the stack is used.  The information
; is read here only as far as that takes: boot/pvh.c and boot/multiboot2.c check it.
; Sources: as of those two.

%include "layout.inc"

MULTIBOOT2_SIZE		equ 0		; of the information, then tags from 8 on
TAG_SIZE		equ 4
TAG_MODULE		equ 3
TAG_MODULE_START	equ 8
TAG_MODULE_END		equ 12
PVH_MAGIC		equ 0x336ec578
PVH_MODULE_COUNT	equ 12
PVH_MODULES		equ 16
MODULE_START		equ 0		; 64 bits each
MODULE_SIZE		equ 8
MODULE_ENTRY_SIZE	equ 32
MOST_MODULES		equ 64		; that are looked at

	extern	boot_print, image_phys_end

	section	.boot.data progbits alloc noexec nowrite align=16
message_module:
	db	"boot: found a module at ", 0
message_kernel:
	db	" over the kernel at ", 0
message_to:
	db	" to ", 0
message_expected:
	db	", expected them apart: a smaller initramfs, or more memory", 13, 10, 0

	bits	32
	section	.boot.text progbits alloc exec nowrite align=16

; ---- CF: a module lies over the kernel, and the line about it is printed ----
; EBP: 1 multiboot2, 2 PVH; EDI: its information.  Keeps both.
	global	boot_check_modules
boot_check_modules:
	cmp	ebp, 1
	jne	pvh

	mov	ebx, [edi + MULTIBOOT2_SIZE]
	add	ebx, edi		; the end of the tags
	lea	esi, [edi + 8]
.next:
	lea	eax, [esi + 8]
	cmp	eax, ebx
	ja	.good
	mov	eax, [esi + TAG_SIZE]
	cmp	eax, 8
	jb	.good
	cmp	dword [esi], TAG_MODULE
	jne	.skip
	mov	eax, [esi + TAG_MODULE_START]
	mov	edx, [esi + TAG_MODULE_END]
	call	check_range
	jc	.end
	mov	eax, [esi + TAG_SIZE]
.skip:
	add	eax, 7
	and	eax, ~7
	add	esi, eax
	jnc	.next
.good:
	clc
.end:
	ret

pvh:
	cmp	dword [edi], PVH_MAGIC
	jne	.good
	mov	ecx, [edi + PVH_MODULE_COUNT]
	cmp	ecx, MOST_MODULES
	ja	.good
	cmp	dword [edi + PVH_MODULES + 4], 0
	jne	.good
	mov	esi, [edi + PVH_MODULES]
	jecxz	.good
.next:
	cmp	dword [esi + MODULE_START + 4], 0
	jne	.skip			; above 4 GiB
	mov	eax, [esi + MODULE_START]
	mov	edx, eax
	add	edx, [esi + MODULE_SIZE]
	jc	.far
	cmp	dword [esi + MODULE_SIZE + 4], 0
	je	.near
.far:
	mov	edx, -1			; its end
.near:
	call	check_range
	jc	.end
.skip:
	add	esi, MODULE_ENTRY_SIZE
	loop	.next
.good:
	clc
.end:
	ret

; EAX: its start, EDX: its end.  CF as above.  Keeps EBX, ECX, ESI.
check_range:
	cmp	eax, image_phys_end
	jae	.apart
	cmp	edx, KERNEL_PHYS_START
	jbe	.apart
	mov	esi, message_module
	call	print_range
	mov	esi, message_kernel
	mov	eax, KERNEL_PHYS_START
	mov	edx, image_phys_end
	call	print_range
	mov	esi, message_expected
	call	boot_print
	stc
	ret
.apart:
	clc
	ret

; ESI: what stands in front of the range from EAX to EDX.  Changes EAX, EDX, ESI.
print_range:
	push	edx
	push	eax
	call	boot_print
	pop	eax
	call	print_hex
	mov	esi, message_to
	call	boot_print
	pop	eax

; EAX: a number, of which "0x" and eight digits are printed.  Changes EAX, EDX, ESI.
print_hex:
	push	ebx
	push	ecx
	sub	esp, 12			; the text
	mov	word [esp], '0x'
	mov	byte [esp + 10], 0
	mov	ecx, 8
.digit:
	mov	ebx, eax
	and	ebx, 15
	cmp	bl, 10
	sbb	edx, edx		; -1 for 0 to 9
	and	edx, '0' - 'a' + 10
	lea	ebx, [ebx + edx + 'a' - 10]
	mov	[esp + 1 + ecx], bl
	shr	eax, 4
	loop	.digit
	mov	esi, esp
	call	boot_print
	add	esp, 12
	pop	ecx
	pop	ebx
	ret
