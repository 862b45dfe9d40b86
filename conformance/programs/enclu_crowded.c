/*
 * ENCLUs with no byte to spare around them: other instructions stand right
 * before and behind, and some of those behind are jumped to. In the host and in
 * the enclave, for EENTER, EEXIT and leaves that go on behind the ENCLU.
 *
 * Hardware: what stands around an instruction does not matter to it, nor it to
 * what stands around.
 * Source: SDM 3D, EENTER, EEXIT, EREPORT.
 *
 * enclu_crowded.run looks how often the program had to stop.
 */
#include <string.h>

#include "check.h"
#include "service.h"

#define ROUNDS 500

/* No padding within the reach of a short jump: 36 instructions of 4 bytes on each side. */
#define CROWD "	.rept 36\n	lea	1(%r8), %r8\n	.endr\n"

/* Counts on the stack what is executed behind the ENCLU: three times, twice of it by a jump back to right behind it. */
#define ENTER_PLACE(name, behind)                                                                          \
	"	.globl " #name "\n" #name ":\n"                                                             \
	"	push	%rbx\n	push	%rbp\n	push	%r12\n	push	%r13\n	push	%r14\n	push	%r15\n" \
	"	mov	%rsi, %rbx\n	lea	enclu_aep(%rip), %rcx\n	mov	$2, %eax\n"                  \
	"	push	$0\n" CROWD                                                                          \
	"	enclu\n"                                                                                    \
	"1:	" behind "\n"                                                                               \
	"	incq	(%rsp)\n	cmpq	$3, (%rsp)\n	jb	1b\n" CROWD                            \
	"	pop	%rax\n"                                                                             \
	"	pop	%r15\n	pop	%r14\n	pop	%r13\n	pop	%r12\n	pop	%rbp\n	pop	%rbx\n	ret\n"

extern uint64_t place_inc(struct call *, uint64_t), place_lea(struct call *, uint64_t),
	place_test(struct call *, uint64_t), place_nop(struct call *, uint64_t),
	place_push(struct call *, uint64_t), place_load(struct call *, uint64_t);

__asm__(".pushsection .text\n"
	ENTER_PLACE(place_inc, "inc %r11")
	ENTER_PLACE(place_lea, "lea 8(%r10), %r10")
	ENTER_PLACE(place_test, "test %r11d, %r11d")
	ENTER_PLACE(place_nop, "nop\n	cld")
	ENTER_PLACE(place_push, "push %r11\n	pop %r11")
	ENTER_PLACE(place_load, "movl (%rsp), %r11d")
	".popsection\n");

extern const char inside_code[], inside_code_end[];

/* RSI = the operands of an ENCLU: RAX, RBX, RCX, RDX. An EEXIT goes to where the
 * service would make its own, with what R11 leads to. Returns in RAX the sum of
 * the ENCLU's RAX and what was executed behind it. */
__asm__(".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl inside_code\n"
	"inside_code:\n"
	"	xor	%r9d, %r9d\n"
	"	mov	(%rsi), %rax\n	mov	8(%rsi), %rbx\n	mov	16(%rsi), %rcx\n	mov	24(%rsi), %rdx\n"
	"	test	%rbx, %rbx\n	cmovz	%r12, %rbx\n" CROWD
	"	enclu\n"
	"1:	lea	1(%r9), %r9\n	cmp	$3, %r9\n	jb	1b\n" CROWD
	"	lea	(%rax, %r9), %rax\n"
	"	jmp	*%r11\n"
	".balign 4096\n"
	".globl inside_code_end\n"
	"inside_code_end:\n"
	".popsection\n");

static struct service service;

struct operands {
	uint64_t leaf, rbx, rcx, rdx;
};

static void inside(uint64_t (*place)(struct call *, uint64_t), const struct operands *operands, uint64_t result)
{
	struct call call = { .operation = OP_JUMP, .a = service.code, .b = (uint64_t)operands, .result = 77 };

	check_equal("runs behind the ENCLU of the host", 3, place(&call, service_tcs(&service, 0)));
	check_equal("result of the enclave", result, call.result);
}

int main(void)
{
	static uint64_t (*const places[])(struct call *, uint64_t) = {
		place_inc, place_lea, place_test, place_nop, place_push, place_load,
	};
	struct service_options options = {
		.code = inside_code,
		.code_length = (uint64_t)(inside_code_end - inside_code),
		.heap_length = 4 * PAGE,
	};
	struct operands exits = { .leaf = EEXIT };
	struct operands report = { EREPORT, 0, 0, 0 };

	service_build(&service, &options);
	report.rbx = service.heap;
	report.rcx = service.heap + 512;
	report.rdx = service.heap + 1024;
	for (unsigned place = 0; place < sizeof(places) / sizeof(places[0]); place++)
		for (int i = 0; i < ROUNDS; i++)
			inside(places[place], &exits, 77);

	/* EREPORT leaves RAX as it is and goes on behind the same ENCLU. */
	for (int i = 0; i < 3; i++)
		inside(place_inc, &report, EREPORT + 3);
	return 0;
}
