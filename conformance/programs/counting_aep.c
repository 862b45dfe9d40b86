/*
 * Code of the program's own between an asynchronous exit and the ERESUME, as
 * Gramine's, which counts exits there.
 *
 * Hardware: an AEX goes to AEP, and what stands there executes before the ERESUME
 * further down, which enters where the exit was: a page that was missing is there
 * and the EACCEPT or the access is executed again. The ENCLU of the ERESUME is at
 * another place than that of the EENTER.
 * Source: SDM 3D, "Asynchronous Enclave Exits (AEX)" and ERESUME.
 *
 * counting_aep.run looks how often the program had to stop.
 */
#include <stdio.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define PAGES 400
#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)

extern void count_enter(struct call *, uint64_t tcs);
extern volatile uint64_t exits;

__asm__(".pushsection .bss\n"
	".globl exits\n"
	"exits:	.skip 8\n"
	".popsection\n"
	".pushsection .text\n"
	".globl count_enter\n"
	"count_enter:\n"
	"	push	%rbx\n	push	%rbp\n	push	%r12\n	push	%r13\n	push	%r14\n	push	%r15\n"
	"	mov	%rsi, %rbx\n"
	"	lea	count_aep(%rip), %rcx\n"
	"	mov	$2, %eax\n"
	"	enclu\n"
	"	pop	%r15\n	pop	%r14\n	pop	%r13\n	pop	%r12\n	pop	%rbp\n	pop	%rbx\n"
	"	ret\n"
	"	.balign 16\n"
	"count_aep:\n"
	"	lock incq exits(%rip)\n"
	"	enclu\n"
	"	ud2\n"
	"	.balign 64\n"
	".popsection\n");

static struct service service;

static uint64_t enter(struct call call)
{
	call.result = 77;
	count_enter(&call, service_tcs(&service, 0));
	return call.result;
}

int main(void)
{
	struct secinfo secinfo = { .flags = RW | SECINFO_PENDING };
	uint64_t place, before;

	service_build(&service, NULL);
	place = service.data + PAGE - sizeof secinfo;
	enter((struct call){ .operation = OP_COPY, .a = place, .b = (uint64_t)&secinfo, .c = sizeof secinfo });
	before = exits;
	for (uint64_t i = 0; i < PAGES; i++) {
		/* The kernel may add pages before they are asked for: then there is no exit. */
		check_equal("EACCEPT of a page that was missing", 0,
			    enter((struct call){ .operation = OP_ENCLU, .a = EACCEPT, .b = place, .c = service.room + i * PAGE }));
		enter((struct call){ .operation = OP_WRITE, .a = service.room + i * PAGE, .b = i + 1 });
	}
	check("exits for pages", exits - before <= PAGES && exits != before);
	for (uint64_t i = 0; i < PAGES; i++)
		check_equal("what was written", i + 1, enter((struct call){ .operation = OP_READ, .a = service.room + i * PAGE }));

	/* The mapping of a page comes back at its next touch. */
	before = exits;
	for (uint64_t i = 0; i < PAGES; i++) {
		check_errno("RESTRICT_PERMISSIONS", 0, enclave_restrict(&service.enclave, service.room + i * PAGE, PAGE, SECINFO_R, NULL, NULL));
		enter((struct call){ .operation = OP_COPY, .a = place, .b = (uint64_t)&(struct secinfo){ .flags = SECINFO_REG | SECINFO_R | SECINFO_PR }, .c = sizeof secinfo });
		check_equal("EACCEPT of the restriction", 0,
			    enter((struct call){ .operation = OP_ENCLU, .a = EACCEPT, .b = place, .c = service.room + i * PAGE }));
		check_equal("what is still there", i + 1, enter((struct call){ .operation = OP_READ, .a = service.room + i * PAGE }));
	}
	check("exits for mappings", exits - before <= 2 * PAGES);
	return 0;
}
