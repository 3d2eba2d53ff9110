/*
 * far.c: the jump out of 64-bit code and the place to come back to; far.h.
 */
#include "far.h"

uint64_t far_kept_rsp;

__asm__(".text\n"
	".globl far_go, far_back\n"
	"far_go:\n"
	"	push	%rbx\n"
	"	push	%rbp\n"
	"	mov	%rsp, far_kept_rsp(%rip)\n"
	"	mov	%ecx, %ebx\n"
	"	mov	$0x2b, %eax\n"
	"	mov	%eax, %ds\n"
	"	mov	%esi, %ss\n"
	"	mov	%edx, %esp\n"
	"	mov	%ebx, %esi\n"
	"	ljmp	*(%rdi)\n"
	"far_back:\n"
	"	mov	$0x2b, %ecx\n"
	"	mov	%ecx, %ss\n"
	"	mov	far_kept_rsp(%rip), %rsp\n"
	"	xor	%ecx, %ecx\n"
	"	mov	%ecx, %ds\n"
	"	mov	%ecx, %es\n"
	"	pop	%rbp\n"
	"	pop	%rbx\n"
	"	ret\n");
