# Code for inside the enclave, entered by the service enclave's OP_JUMP: RSI and
# RDX are two arguments, R13 is the struct call, whose d (at 32) is a third, R15
# is the TCS, and R11 is where to go with the result in RAX.

	.section enclave_bench, "ax"
	.balign	64

# EACCEPT of RDX pages from RSI with the SECINFO at d.
	.globl	bench_accept
bench_accept:
	mov	32(%r13), %rbx
	mov	%rsi, %rcx
1:	mov	$5, %eax
	enclu
	test	%eax, %eax
	jnz	2f
	add	$4096, %rcx
	dec	%rdx
	jnz	1b
	xor	%eax, %eax
2:	jmp	*%r11
	.balign	64

# A write to each of RDX pages from RSI.
	.globl	bench_touch
bench_touch:
1:	movq	$1, (%rsi)
	add	$4096, %rsi
	dec	%rdx
	jnz	1b
	xor	%eax, %eax
	jmp	*%r11
	.balign	64

# RDX reads of RSI, by an instruction of three bytes: a handler adds 3 to RIP.
	.globl	bench_fault
bench_fault:
1:	mov	(%rsi), %rax
	dec	%rdx
	jnz	1b
	xor	%eax, %eax
	jmp	*%r11
	.balign	64

# RDX times SYSCALL, an instruction of two bytes.
	.globl	bench_syscall
bench_syscall:
1:	mov	$110, %eax
	syscall
	dec	%rdx
	jnz	1b
	xor	%eax, %eax
	jmp	*%r11
	.balign	64

# The C function at RSI with RDX and d as its arguments, on the thread's stack.
	.globl	bench_call
bench_call:
	mov	32(%r13), %rax
	lea	6*4096(%r15), %rcx	# THREAD_SIZE
	xchg	%rcx, %rsp
	push	%rcx
	push	%r11
	mov	%rdx, %rdi
	mov	%rsi, %rcx
	mov	%rax, %rsi
	call	*%rcx
	pop	%r11
	pop	%rsp
	jmp	*%r11
	.balign	64

# Code for outside. void enter(rdi, tcs): EENTER, and back by EEXIT.
	.macro	enter_inline name
	.globl	\name
	.type	\name, @function
\name:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsi, %rbx
	lea	9f(%rip), %rcx
	mov	$2, %eax
	enclu
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
9:	enclu				# the AEP: ERESUME
	ud2
	.size	\name, . - \name
	.endm

	.text
	.balign	64
	enter_inline enter_padded
	.balign	64, 0xcc
	.skip	64, 0xcc

# The same among other code, which never runs and leaves no padding in reach of a
# short jump.
	.rept	70
	mov	%eax, %ecx
	.endr
	enter_inline enter_crowded
	.rept	70
	mov	%eax, %ecx
	.endr
	ret

	.section .note.GNU-stack, "", @progbits
