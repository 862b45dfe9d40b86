# The code of the service enclave; service.h says what it does. It needs no
# stack and leaves the host's RSP and RBP alone. R12 holds where EEXIT goes, R13
# the call, R14 CSSA, R15 the TCS.

	.macro	leave_enclave
	mov	%r12, %rbx
	mov	$4, %eax		# EEXIT
	enclu
	.endm

	.section .enclave, "ax"
	.balign	4096
	.globl	service_code
service_code:
	mov	%rcx, %r12
	mov	%rdi, %r13
	mov	%eax, %r14d
	mov	%rbx, %r15
	mov	(%r13), %rax
	cmp	$12, %rax
	jae	exit
	lea	operations(%rip), %rcx
	movslq	(%rcx, %rax, 4), %rax
	add	%rcx, %rax
	jmp	*%rax

operations:
	.long	exit - operations
	.long	read - operations
	.long	write - operations
	.long	copy - operations
	.long	leaf - operations
	.long	jump - operations
	.long	spin - operations
	.long	cssa - operations
	.long	exception - operations
	.long	fill - operations
	.long	verify - operations
	.long	registers - operations

read:
	mov	8(%r13), %rsi
	mov	(%rsi), %rax
	jmp	result

write:
	mov	8(%r13), %rdi
	mov	16(%r13), %rax
	mov	%rax, (%rdi)
	jmp	exit

copy:
	mov	8(%r13), %rdi
	mov	16(%r13), %rsi
	mov	24(%r13), %rcx
	rep movsb
	jmp	exit

leaf:
	mov	8(%r13), %rax
	mov	16(%r13), %rbx
	mov	24(%r13), %rcx
	mov	32(%r13), %rdx
	enclu
	jmp	result
	.fill	16, 1, 0xcc		# as compilers leave between functions

jump:
	mov	8(%r13), %rax
	mov	16(%r13), %rsi
	mov	24(%r13), %rdx
	lea	result(%rip), %r11
	jmp	*%rax

spin:
	mov	8(%r13), %rsi
	xor	%eax, %eax
1:	inc	%rax
	cmpq	$0, (%rsi)
	je	1b
	jmp	result

cssa:
	mov	%r14, %rax
	jmp	result

exception:
	# The frame before the current one ends CSSA frames behind TCS + 4096, and
	# GPRSGX is its last 184 bytes.
	mov	24(%r13), %rcx
	mov	$1, %esi
	test	%rcx, %rcx
	cmovz	%rsi, %rcx
	mov	%r14, %rsi
	imul	%rcx, %rsi
	shl	$12, %rsi
	lea	4096-184(%r15, %rsi), %rsi
	mov	160(%rsi), %eax		# EXITINFO
	mov	%rax, 16(%r13)
	mov	136(%rsi), %rax		# RIP
	mov	8(%r13), %rcx
	add	%rax, %rcx
	mov	%rcx, 136(%rsi)
	jmp	result

fill:
	mov	8(%r13), %rsi
	mov	16(%r13), %rax
	mov	24(%r13), %rcx
1:	mov	%rax, 8(%rsi)
	not	%rax
	mov	%rax, 4080(%rsi)
	not	%rax
	imul	$0x343fd, %rax
	add	$0x269ec3, %rax
	add	$4096, %rsi
	dec	%rcx
	jnz	1b
	jmp	exit

verify:
	mov	8(%r13), %rsi
	mov	16(%r13), %rax
	mov	24(%r13), %rcx
	xor	%edx, %edx
1:	cmp	%rax, 8(%rsi)
	jne	2f
	not	%rax
	cmp	%rax, 4080(%rsi)
	not	%rax			# NOT leaves the flags of the comparison alone
	je	3f
2:	inc	%rdx
3:	imul	$0x343fd, %rax
	add	$0x269ec3, %rax
	add	$4096, %rsi
	dec	%rcx
	jnz	1b
	mov	%rdx, %rax
	jmp	result

registers:
	mov	8(%r13), %rdi
	mov	16(%r13), %rsi
	mov	24(%r13), %rdx
	mov	32(%r13), %r8
	mov	40(%r13), %r9
	leave_enclave

result:
	mov	%rax, 48(%r13)
exit:
	leave_enclave
	.balign	4096
	.globl	service_code_end
service_code_end:

	.section .note.GNU-stack, "", @progbits
