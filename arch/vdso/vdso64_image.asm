; The linked vDSO (user/vdso/) as data, without the section headers, which lie behind the
; page: the ELF header says that there are none.

%include "layout.inc"

E_SHOFF		equ 40
E_SHENTSIZE	equ 58
EHDR_SIZE	equ 64

	section	.data progbits alloc noexec write align=4096
	global	vdso64_image
vdso64_image:
	incbin	"vdso64.so", 0, E_SHOFF
	dq	0				; e_shoff
	incbin	"vdso64.so", E_SHOFF + 8, E_SHENTSIZE - E_SHOFF - 8
	dw	0, 0, 0				; e_shentsize, e_shnum, e_shstrndx
	incbin	"vdso64.so", EHDR_SIZE, PAGE_SIZE - EHDR_SIZE
