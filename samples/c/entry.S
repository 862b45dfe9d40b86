# The way into the enclave. EENTER arrives here with RAX = CSSA, RBX = TCS, RCX =
# where EEXIT has to go, and RDI as the host set it: the address of its call.

	.section .enclave, "ax"
	.balign	4096
	.globl	enclave_start
enclave_start:
	# The stack is the thread's last page. While an exception is handled (CSSA
	# is not 0) the upper half belongs to the code that was interrupted.
	mov	%rsp, %r8
	lea	5*4096(%rbx), %rsp
	test	%eax, %eax
	jz	1f
	sub	$2048, %rsp
1:	push	%r8
	push	%rcx
	call	enclave_main
	pop	%rbx			# where EEXIT goes
	pop	%rsp			# the host's stack
	# Leave nothing of the enclave in the registers.
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	mov	$4, %eax		# EEXIT
	enclu

	.section .note.GNU-stack, "", @progbits
