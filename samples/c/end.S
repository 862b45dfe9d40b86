# Linked last: the end of the enclave's code, on a page boundary.
	.section .enclave, "ax"
	.balign	4096
	.globl	enclave_end
enclave_end:

	.section .note.GNU-stack, "", @progbits
