; What loaders look for: the multiboot2 header (GRUB), and the PVH note with
; which QEMU's -kernel boots the same ELF directly.  Data only; both lead to
; boot/start32.asm.
; Sources: Multiboot2 Specification 2.0, 3.1; Xen public/elfnote.h and
; arch-x86/hvm/start_info.h (XEN_ELFNOTE_PHYS32_ENTRY).

%define MULTIBOOT2_MAGIC	0xe85250d6
%define ARCHITECTURE_I386	0
%define TAG_END			0
%define TAG_MODULE_ALIGN	6
%define NOTE_PHYS32_ENTRY	18

	extern	boot_pvh_entry

	section	.boot.header progbits alloc noexec nowrite align=8
header:
	dd	MULTIBOOT2_MAGIC
	dd	ARCHITECTURE_I386
	dd	header_end - header
	dd	-(MULTIBOOT2_MAGIC + ARCHITECTURE_I386 + (header_end - header))
	dw	TAG_MODULE_ALIGN, 0
	dd	8
	dw	TAG_END, 0
	dd	8
header_end:

	section	.note.pvh note alloc noexec nowrite align=4
	dd	4				; length of the name
	dd	4				; length of the value
	dd	NOTE_PHYS32_ENTRY
	db	"Xen", 0
	dd	boot_pvh_entry
