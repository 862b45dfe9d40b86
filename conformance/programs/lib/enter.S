	.macro	save_registers
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	.endm

	.macro	restore_registers
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	.endm

	.text

# int vdso_enter(rdi, rsi, rdx, function, r8, r9, run)
	.globl	vdso_enter
	.type	vdso_enter, @function
vdso_enter:
	.cfi_startproc
	mov	8(%rsp), %rax		# run, our seventh argument
	save_registers
	push	%rax			# keeps the stack aligned, holds run for the vDSO
	.cfi_def_cfa_offset 64		# for who looks from inside: backtraces go on
	.cfi_offset %rbx, -16
	.cfi_offset %rbp, -24
	.cfi_offset %r12, -32
	.cfi_offset %r13, -40
	.cfi_offset %r14, -48
	.cfi_offset %r15, -56
	call	*vdso_function(%rip)
	add	$8, %rsp
	restore_registers
	.cfi_def_cfa_offset 8
	.cfi_same_value %rbx
	.cfi_same_value %rbp
	.cfi_same_value %r12
	.cfi_same_value %r13
	.cfi_same_value %r14
	.cfi_same_value %r15
	ret
	.cfi_endproc
	.size	vdso_enter, . - vdso_enter

# int vdso_enter_on(stack, run, rdi, function): the same on another stack, with
# nothing but RDI for the enclave
	.globl	vdso_enter_on
	.type	vdso_enter_on, @function
vdso_enter_on:
	save_registers
	mov	%rsp, -8(%rdi)
	mov	%rsi, -32(%rdi)		# run, the vDSO's seventh argument
	lea	-32(%rdi), %rsp
	mov	%rdx, %rdi		# ECX is in its place
	call	*vdso_function(%rip)
	mov	24(%rsp), %rsp
	restore_registers
	ret
	.size	vdso_enter_on, . - vdso_enter_on

# void enclu_enter(rdi, rsi, rdx, tcs)
	.globl	enclu_enter
	.type	enclu_enter, @function
enclu_enter:
	save_registers
	mov	%rcx, %rbx
	lea	enclu_aep(%rip), %rcx
	mov	$2, %eax		# EENTER
	.globl	enclu_eenter
enclu_eenter:
	enclu
	.globl	enclu_return
enclu_return:
	restore_registers
	ret

	.globl	enclu_aep
enclu_aep:
	enclu				# ERESUME: AEX left RAX, RBX and RCX so
	ud2				# ERESUME does not come back here
	.size	enclu_enter, . - enclu_enter

# void enclu_enter_single_step(rdi, rsi, rdx, tcs)
	.globl	enclu_enter_single_step
	.type	enclu_enter_single_step, @function
enclu_enter_single_step:
	save_registers
	mov	%rcx, %rbx
	lea	enclu_aep(%rip), %rcx
	mov	$2, %eax		# EENTER
	pushfq
	orq	$0x100, (%rsp)		# TF
	popfq				# the next instruction is the first one stepped
	.globl	enclu_step_eenter
enclu_step_eenter:
	enclu
	.globl	enclu_step_return
enclu_step_return:
	nop
	pushfq
	andq	$~0x100, (%rsp)
	popfq
	restore_registers
	ret
	.size	enclu_enter_single_step, . - enclu_enter_single_step

	.section .note.GNU-stack, "", @progbits
