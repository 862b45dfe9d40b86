/*
 * Interrupts while a thread is inside, at places that are known (stepped_run.run,
 * by the options --interrupt-every and --interrupts).
 *
 * Hardware: an interrupt inside an enclave comes between two instructions. It is
 * an asynchronous exit: RIP in the state save area is the next instruction, and
 * code at AEP executes before the ERESUME. Nothing else of it shows: PUSHF has no
 * TF. A repeated string instruction may be interrupted between its iterations.
 * Source: SDM 3D, "Asynchronous Enclave Exits (AEX)"; SDM 2B, PUSHF, REP.
 *
 * stepped_run EVERY FIRST   checks how many exits there are, and prints the
 *                           address of the code and where each instruction of
 *                           the second visit ends
 * stepped_run inside        stays inside for half a second
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define ROUNDS 325
#define BYTES 5
#define VISIT 1000

extern const char step_code[], step_code_end[];
extern const uint32_t step_ends[];
extern uint64_t step_enter(uint64_t tcs, uint64_t data);
extern volatile uint64_t step_exits;

__asm__(".macro step instruction:vararg\n"
	"	\\instruction\n"
	"9:	.pushsection .rodata\n"
	"	.long	9b - step_code\n"
	"	.popsection\n"
	".endm\n"
	".pushsection .rodata\n"
	".balign 4\n"
	".globl step_ends\n"
	"step_ends:\n"
	".popsection\n"
	".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl step_code\n"
	"step_code:\n"
	"	step mov %rbx, %r14\n"
	"	step mov %rcx, %r13\n"
	"	step mov %rsp, %r15\n"
	"	step lea 6 * 4096(%r14), %rsp\n" /* THREAD_SIZE */
	"	step mov $325, %ecx\n" /* ROUNDS */
	"1:	step inc %rax\n" /* 5 */
	"	step dec %rcx\n"
	"	step jnz 1b\n"
	"	step pushfq\n" /* 8 */
	"	step popfq\n"
	"	step rex.w pushf\n"
	"	step pop %rdx\n"
	"	step lea 64(%rdi), %rdi\n"
	"	step mov $5, %ecx\n" /* BYTES */
	"	step rep stosb\n" /* 14 */
	"	step lea -69(%rdi), %rbx\n"
	"	step mov %rbx, %rcx\n"
	"	step mov $5, %eax\n" /* EACCEPT of a page that waits for none */
	"	step enclu\n"
	"	step mov %eax, %esi\n"
	"	step mov %r13, %rbx\n"
	"	step mov %r15, %rsp\n"
	"	step nop\n"
	"	step mov $4, %eax\n" /* EEXIT */
	"	enclu\n"
	".balign 4096\n"
	".globl step_code_end\n"
	"step_code_end:\n"
	".popsection\n"
	".pushsection .bss\n"
	".globl step_exits\n"
	"step_exits:	.skip 8\n"
	".popsection\n"
	".pushsection .text\n"
	".globl step_enter\n"
	"step_enter:\n"
	"	push	%rbx\n	push	%rbp\n	push	%r12\n	push	%r13\n	push	%r14\n	push	%r15\n"
	"	mov	%rdi, %rbx\n"
	"	mov	%rsi, %rdi\n"
	"	lea	step_aep(%rip), %rcx\n"
	"	mov	$2, %eax\n"
	"	enclu\n"
	"	shl	$32, %rsi\n"
	"	lea	(%rdx, %rsi), %rax\n"
	"	pop	%r15\n	pop	%r14\n	pop	%r13\n	pop	%r12\n	pop	%rbp\n	pop	%rbx\n"
	"	ret\n"
	"	.balign 16\n"
	"step_aep:\n"
	"	lock incq step_exits(%rip)\n"
	"	enclu\n"
	"	ud2\n"
	"	.balign 64\n"
	".popsection\n");

static void *end_soon(void *over)
{
	usleep(500000);
	*(volatile uint64_t *)over = 1;
	return NULL;
}

static void stay_inside(void)
{
	static volatile uint64_t over;
	static struct service service;
	pthread_t other;

	service_build(&service, NULL);
	if (pthread_create(&other, NULL, end_soon, (void *)&over) != 0)
		die("pthread_create");
	check("something was counted inside", service_do(&service, 0, OP_SPIN, (uint64_t)&over, 0, 0, 0) != 0);
	pthread_join(other, NULL);
}

static void visit(struct enclave *enclave)
{
	uint64_t left = step_enter(enclave->base + 2 * PAGE, enclave->base + PAGE);

	check_equal("EACCEPT", SGX_PAGE_ATTRIBUTES_MISMATCH, left >> 32);
	check_equal("TF that PUSHF shows", 0, left & 0x100);
}

int main(int argc, char **argv)
{
	static uint8_t data[PAGE] __attribute__((aligned(PAGE)));
	static struct enclave enclave;
	unsigned long every, first, before, seen = 0;
	unsigned instructions = 0;

	if (argc == 2 && strcmp(argv[1], "inside") == 0) {
		stay_inside();
		return 0;
	}
	if (argc != 3)
		die("stepped_run EVERY FIRST");
	every = strtoul(argv[1], NULL, 0);
	first = strtoul(argv[2], NULL, 0);
	memcpy(data, &(struct secinfo){ .flags = SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING }, sizeof(struct secinfo));
	vdso_find();
	enclave_create(&enclave, 16ul << 20, NULL);
	enclave_add(&enclave, 0, step_code, PAGE, SECINFO_REG | SECINFO_R | SECINFO_X);
	enclave_add(&enclave, PAGE, data, PAGE, SECINFO_REG | SECINFO_R | SECINFO_W);
	enclave_add_thread(&enclave, 2 * PAGE, 0);
	enclave_init(&enclave);
	enclave_map(&enclave, 0, PAGE, PROT_READ | PROT_EXEC);
	enclave_map(&enclave, PAGE, (1 + THREAD_PAGES) * PAGE, PROT_READ | PROT_WRITE);

	/* The first visit has page faults as well, which are exits. */
	visit(&enclave);
	before = step_exits;
	visit(&enclave);
	for (unsigned long at = first; at <= 2 * VISIT; at += every)
		seen += at > VISIT;
	check_equal("exits of the second visit", seen, step_exits - before);

	printf("0x%lx\n", (unsigned long)enclave.base);
	for (unsigned i = 0; i < 24; i++) {
		unsigned times = i == 14 ? BYTES : 1;

		if (i == 5) {
			for (unsigned round = 1; round <= ROUNDS; round++)
				printf("%u\n%u\n%u\n", step_ends[5], step_ends[6], round < ROUNDS ? step_ends[4] : step_ends[7]);
			instructions += 3 * ROUNDS;
			i = 8;
		}
		for (unsigned time = 1; time <= times; time++)
			printf("%u\n", time < times ? step_ends[i - 1] : step_ends[i]);
		instructions += times;
	}
	check_equal("instructions of a visit", VISIT, instructions);
	return 0;
}
