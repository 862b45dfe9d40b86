/*
 * Which lines of an enclave's code are executed, and in which functions threads
 * are (covered_run.run, by the options --coverage and --profile), with several threads that come to the same code at once, and with
 * pages that are written out in between.
 *
 * The program sees nothing of it: no asynchronous exit, no other result, and a
 * page that is read back has what was loaded. Source: geninfo(1), "FILES"; what
 * was executed is judged by single steps and by gdb.
 *
 * covered_run THREADS NUMBER [production]
 *                              each thread calls the code with NUMBER and the
 *                              next eleven; prints where the code begins and ends
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <sys/mman.h>

#include "check.h"
#include "enclave.h"
#include "enter.h"

#define INSIDE __attribute__((section(".enclave"), optimize("O0"), noinline, used, no_stack_protector))
#define CALLS 12
#define HEAP_PAGES 256
#define MOST_THREADS 16

struct question {
	uint64_t number, answer, heap, pages;
};

extern const char covered_code[], covered_code_end[];
uint64_t covered_main(uint64_t number);
void covered_entry(struct question *question);

__asm__(".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl covered_code\n"
	"covered_code:\n"
	"	mov	%rsp, %r15\n"
	"	mov	%rcx, %r14\n"
	"	lea	6*4096(%rbx), %rsp\n" /* THREAD_SIZE */
	"	call	covered_entry\n"
	"	mov	%r14, %rbx\n"
	"	mov	%r15, %rsp\n"
	"	mov	$4, %eax\n" /* EEXIT */
	"	enclu\n"
	".popsection\n");

static INSIDE uint64_t steps_to_one(uint64_t number)
{
	uint64_t steps = 0;

	while (number != 1) {
		if (number % 2 == 0)
			number /= 2;
		else
			number = 3 * number + 1;
		steps++;
	}
	return steps;
}

static INSIDE uint64_t never(uint64_t number)
{
	return number + 1;
}

INSIDE uint64_t covered_main(uint64_t number)
{
	uint64_t result = 0;

	switch (number % 4) {
	case 0:
		result = steps_to_one(number);
		break;
	case 1:
		result = number > 1000 ? never(number) : number;
		break;
	case 2:
		for (uint64_t i = 0; i < number; i++)
			result += i;
		break;
	default:
		if (number > 100000)
			result = never(
				number);
		else
			result = 7;
	}
	return result;
}

INSIDE void covered_entry(struct question *question)
{
	for (uint64_t i = 0; i < question->pages; i++)
		*(volatile uint64_t *)(question->heap + i * PAGE) += i;
	question->answer = covered_main(question->number);
}

__asm__(".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl covered_code_end\n"
	"covered_code_end:\n"
	".popsection\n");

static struct enclave enclave;
static uint64_t first, threads = 1, threads_at, heap;

static void *calls(void *thread)
{
	for (uint64_t i = first; i < first + CALLS; i++) {
		struct sgx_enclave_run run = { .tcs = threads_at + (uint64_t)thread * THREAD_SIZE };
		struct question question = { .number = i, .heap = heap, .pages = threads > 1 ? HEAP_PAGES : 2 };

		check_equal("what the vDSO's function returns", 0, (uint64_t)vdso_enter((uint64_t)&question, 0, 0, EENTER, 0, 0, &run));
		check_equal("how the enclave was left", EEXIT, run.function);
		check_equal("answer", covered_main(i), question.answer);
	}
	return NULL;
}

int main(int count, char **arguments)
{
	const uint64_t code = (uint64_t)(covered_code_end - covered_code);
	pthread_t others[MOST_THREADS];

	threads = count > 2 ? strtoul(arguments[1], NULL, 0) : 1;
	first = count > 2 ? strtoul(arguments[2], NULL, 0) : 1;
	if (threads < 1 || threads > MOST_THREADS)
		die("1 to 16 threads");
	vdso_find();
	enclave_create(&enclave, 16ul << 20, &(struct enclave_options){ .attributes = count > 3 ? 0 : ATTRIBUTE_DEBUG });
	enclave_add(&enclave, 0, covered_code, code, SECINFO_REG | SECINFO_R | SECINFO_X);
	for (uint64_t i = 0; i < threads; i++)
		enclave_add_thread(&enclave, code + i * THREAD_SIZE, 0);
	enclave_add_unmeasured(&enclave, code + threads * THREAD_SIZE, HEAP_PAGES * PAGE, SECINFO_REG | SECINFO_R | SECINFO_W);
	enclave_init(&enclave);
	enclave_map(&enclave, 0, code, PROT_READ | PROT_EXEC);
	enclave_map(&enclave, code, threads * THREAD_SIZE + HEAP_PAGES * PAGE, PROT_READ | PROT_WRITE);
	threads_at = enclave.base + code;
	heap = threads_at + threads * THREAD_SIZE;

	printf("0x%lx 0x%lx\n", (unsigned long)enclave.base, (unsigned long)(enclave.base + code));
	fflush(stdout);
	for (uint64_t i = 1; i < threads; i++)
		if (pthread_create(&others[i], NULL, calls, (void *)i) != 0)
			die("pthread_create");
	calls((void *)0);
	for (uint64_t i = 1; i < threads; i++)
		pthread_join(others[i], NULL);
	return 0;
}
