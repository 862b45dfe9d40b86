/*
 * Threads execute one and the same ENCLU for the first time at the same moment,
 * at a few hundred places: EENTER in the host, EEXIT in the enclave. All of them
 * enter and leave.
 *
 * Hardware: an ENCLU is the same instruction for whoever executes it, however
 * often it was executed before.
 * Source: SDM 3D, EENTER, EEXIT.
 */
#include <pthread.h>

#include "check.h"
#include "service.h"

#define THREADS 3
#define PLACES 256
#define STRIDE 64

extern const char exit_code[], exit_code_end[];
extern char enter_code[];

/* RSI = a counter: each place counts, waits for the others and leaves at once.
 * R12 is where EEXIT goes in the service's code. */
__asm__(".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl exit_code\n"
	"exit_code:\n"
	"	.rept 256\n"
	"	.balign 64, 0xcc\n"
	"	mov	%r12, %rbx\n"
	"	mov	$4, %eax\n"
	"	lock incq (%rsi)\n"
	"1:	pause\n"
	"	cmpq	$3, (%rsi)\n"
	"	jb	1b\n"
	"	enclu\n"
	"	ud2\n"
	"	.endr\n"
	".balign 4096\n"
	".globl exit_code_end\n"
	"exit_code_end:\n"
	".popsection\n");

/* void enter(call, tcs, counter): the same for EENTER. */
__asm__(".pushsection .text\n"
	".balign 64\n"
	".globl enter_code\n"
	"enter_code:\n"
	"	.rept 256\n"
	"	.balign 64, 0xcc\n"
	"	push	%rbx\n"
	"	push	%rbp\n"
	"	push	%r12\n"
	"	push	%r13\n"
	"	push	%r14\n"
	"	push	%r15\n"
	"	mov	%rsi, %rbx\n"
	"	lea	enclu_aep(%rip), %rcx\n"
	"	mov	$2, %eax\n"
	"	lock incq (%rdx)\n"
	"1:	pause\n"
	"	cmpq	$3, (%rdx)\n"
	"	jb	1b\n"
	"	enclu\n"
	"	jmp	enter_end\n"
	"	.endr\n"
	"enter_end:\n"
	"	pop	%r15\n"
	"	pop	%r14\n"
	"	pop	%r13\n"
	"	pop	%r12\n"
	"	pop	%rbp\n"
	"	pop	%rbx\n"
	"	ret\n"
	".popsection\n");

static struct service service;
static uint64_t entering[PLACES], leaving[PLACES];

static void *work(void *argument)
{
	unsigned thread = (unsigned)(uint64_t)argument;

	for (uint64_t i = 0; i < PLACES; i++) {
		struct call call = {
			.operation = OP_JUMP, .a = service.code + i * STRIDE, .b = (uint64_t)&leaving[i],
		};
		void (*enter)(struct call *, uint64_t, uint64_t *) =
			(void (*)(struct call *, uint64_t, uint64_t *))(enter_code + i * STRIDE);

		enter(&call, service_tcs(&service, thread), &entering[i]);
	}
	return NULL;
}

int main(void)
{
	struct service_options options = {
		.threads = THREADS,
		.code = exit_code,
		.code_length = (uint64_t)(exit_code_end - exit_code),
	};
	pthread_t threads[THREADS];

	service_build(&service, &options);
	for (uint64_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)i) != 0)
			die("start a thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < PLACES; i++) {
		check_equal("threads that entered at a place", THREADS, entering[i]);
		check_equal("threads that left at a place", THREADS, leaving[i]);
	}
	return 0;
}
