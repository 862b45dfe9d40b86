/*
 * ENCLUs with the padding between two functions before them, and no byte to
 * spare behind: the entry begins a function, as in a program whose functions
 * are aligned. In the host and in the enclave.
 *
 * Hardware: what stands around an instruction does not matter to it.
 * Source: SDM 3D, EENTER, EEXIT.
 *
 * enclu_padding.run looks how often the program had to stop.
 */
#include "check.h"
#include "service.h"

#define ROUNDS 500

/* Another function's end and the padding up to the next one's alignment. */
#define PADDING "	.balign 16\n	.fill 7, 1, 0x90\n	ret\n	.fill 8, 1, 0xcc\n"

/* Nothing that ends within the reach of a short jump. */
#define CROWD "	.rept 36\n	lea	1(%r8), %r8\n	.endr\n"

extern void padded_enter(struct call *, uint64_t);
extern const char padded_code[], padded_code_end[];

__asm__(".pushsection .text\n" PADDING
	"	.globl padded_enter\n"
	"padded_enter:\n"
	"	push	%rbx\n	push	%rbp\n	push	%r12\n	push	%r13\n	push	%r14\n	push	%r15\n"
	"	mov	%rsi, %rbx\n	lea	enclu_aep(%rip), %rcx\n	mov	$2, %eax\n"
	"	enclu\n" CROWD
	"	pop	%r15\n	pop	%r14\n	pop	%r13\n	pop	%r12\n	pop	%rbp\n	pop	%rbx\n	ret\n"
	".popsection\n"
	".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl padded_code\n"
	"padded_code:\n"
	"	jmp	1f\n" PADDING
	"1:	mov	$4, %eax\n	mov	%r12, %rbx\n"
	"	enclu\n" CROWD
	".balign 4096\n"
	".globl padded_code_end\n"
	"padded_code_end:\n"
	".popsection\n");

static struct service service;

int main(void)
{
	struct service_options options = {
		.code = padded_code,
		.code_length = (uint64_t)(padded_code_end - padded_code),
	};

	service_build(&service, &options);
	for (int i = 0; i < ROUNDS; i++) {
		struct call outside = { .operation = OP_CSSA, .result = 99 };
		struct call inside = { .operation = OP_JUMP, .a = service.code, .result = 77 };

		padded_enter(&outside, service_tcs(&service, 0));
		check_equal("CSSA at entry", 0, outside.result);
		padded_enter(&inside, service_tcs(&service, 0));
		check_equal("what the exit of the enclave's own left", 77, inside.result);
	}
	return 0;
}
