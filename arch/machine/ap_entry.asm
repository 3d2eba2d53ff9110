; An application processor's first steps in the kernel image: which CPU am I,
; and where is my stack.  CPUs arrive in any order, so the local APIC's id,
; read by CPUID, is looked up in the table of CPUs that are being started.
; arch/machine/smp.c fills ap_apic_ids and ap_stacks before it sends the first IPI.

%include "layout.inc"
%include "x86.inc"

	section	.text progbits alloc exec nowrite align=16
	bits	64
	default	abs

	extern	ap_apic_ids, ap_stacks, ap_count, smp_ap_main

	global	ap_start64
ap_start64:
	xor	eax, eax
	mov	fs, eax
	mov	gs, eax
	cpuid
	cmp	eax, 0xb		; x2APIC ids are in leaf 0xb, if it counts
	jb	.leaf1
	mov	eax, 0xb
	xor	ecx, ecx
	cpuid
	test	ebx, ebx
	jz	.leaf1
	mov	eax, edx
	jmp	.find
.leaf1:
	mov	eax, 1
	cpuid
	shr	ebx, 24
	mov	eax, ebx
.find:
	xor	edi, edi
	mov	ecx, [ap_count]
.next:
	cmp	edi, ecx
	jae	.unknown
	cmp	[ap_apic_ids + rdi * 4], eax
	je	.found
	inc	edi
	jmp	.next
.found:
	mov	rsp, [ap_stacks + rdi * 8]
	test	rsp, rsp
	jz	.unknown
	xor	ebp, ebp
	call	smp_ap_main		; edi = CPU number
	ud2
.unknown:				; not one that we asked for
	cli
	hlt
	jmp	.unknown
