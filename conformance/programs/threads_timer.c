/*
 * Eight threads share four TCS while a timer interrupts a thousand times a
 * second: every register that an enclave computes with comes through.
 *
 * Hardware: an AEX saves RAX to R15, RFLAGS and the XSAVE state in the SSA
 * frame and ERESUME brings all of it back. A TCS holds one thread at a time.
 * Source: SDM 3D, "Enclave Exiting Events", AEX flow; EENTER, ERESUME.
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#include "check.h"
#include "service.h"

#define THREADS 8
#define TCSES 4
#define SECONDS 3

extern const char steady_code[], steady_code_end[];

/* RSI = seed, RDX = rounds. Fills every register but RSP from the seed, counts
 * the rounds down in RCX, and looks whether the others are still the same.
 * Uses the stack page behind the SSA frames. Returns how many were not. */
__asm__(".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl steady_code\n"
	"steady_code:\n"
	"	mov	%rsp, %rax\n"
	"	lea	6 * 4096(%r15), %rsp\n" /* R15 is the TCS in the service's code */
	"	push	%rax\n"
	"	push	%r11\n"
	"	push	%r12\n"
	"	push	%r13\n"
	"	push	%r14\n"
	"	push	%r15\n"
	"	push	%rbp\n"
	"	push	%rsi\n" /* the seed, at (%rsp) from here on */
	"	mov	%rdx, %rcx\n"
	"	.irp r, rax, rbx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15\n"
	"	mov	(%rsp), %\\r\n"
	"	.endr\n"
	"	.macro each action\n"
	"	\\action rax, 1\n"
	"	\\action rbx, 2\n"
	"	\\action rdx, 3\n"
	"	\\action rsi, 4\n"
	"	\\action rdi, 5\n"
	"	\\action rbp, 6\n"
	"	\\action r8, 7\n"
	"	\\action r9, 8\n"
	"	\\action r10, 9\n"
	"	\\action r11, 10\n"
	"	\\action r12, 11\n"
	"	\\action r13, 12\n"
	"	\\action r14, 13\n"
	"	\\action r15, 14\n"
	"	.endm\n"
	"	.macro set r, n\n"
	"	rol	$\\n, %\\r\n"
	"	xor	$\\n, %\\r\n"
	"	.endm\n"
	"	each	set\n"
	"	.irp x, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"	movq	%rax, %xmm\\x\n"
	"	.endr\n"
	"1:	dec	%rcx\n"
	"	jnz	1b\n"
	"	.macro undo r, n\n"
	"	xor	$\\n, %\\r\n"
	"	ror	$\\n, %\\r\n"
	"	cmp	%\\r, (%rsp)\n"
	"	je	2f\n"
	"	inc	%rcx\n"
	"2:\n"
	"	.endm\n"
	"	.irp x, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"	movq	%xmm\\x, -8(%rsp)\n"
	"	cmp	%rax, -8(%rsp)\n"
	"	je	2f\n"
	"	inc	%rcx\n"
	"2:\n"
	"	.endr\n"
	"	each	undo\n"
	"	mov	%rcx, %rax\n"
	"	pop	%rsi\n"
	"	pop	%rbp\n"
	"	pop	%r15\n"
	"	pop	%r14\n"
	"	pop	%r13\n"
	"	pop	%r12\n"
	"	pop	%r11\n"
	"	pop	%rsp\n"
	"	jmp	*%r11\n"
	".balign 4096\n"
	".globl steady_code_end\n"
	"steady_code_end:\n"
	".popsection\n");

static struct service service;
static pthread_mutex_t tcs_lock[TCSES];
static volatile int done;
static uint64_t interrupted, entered;

static void on_alarm(int signal, siginfo_t *info, void *context)
{
	const greg_t *registers = ((const ucontext_t *)context)->uc_mcontext.gregs;
	uint64_t rip = (uint64_t)registers[REG_RIP];
	bool in_vdso = rip - vdso_base < vdso_length && registers[REG_RAX] == ERESUME;

	(void)signal;
	(void)info;
	if (rip != (uint64_t)enclu_aep && !in_vdso)
		return;
	check_equal("RAX of a thread interrupted inside", ERESUME, (uint64_t)registers[REG_RAX]);
	check("RBX of a thread interrupted inside is its TCS",
	      (uint64_t)registers[REG_RBX] - service.threads < TCSES * THREAD_SIZE);
	__atomic_add_fetch(&interrupted, 1, __ATOMIC_RELAXED);
}

static void *work(void *argument)
{
	uint64_t seed = (uint64_t)argument;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	while (!done) {
		unsigned tcs = (unsigned)(seed >> 33) % TCSES;
		struct call call = {
			.operation = OP_JUMP, .a = service.code, .b = seed, .c = 200000, .result = 99,
		};

		pthread_mutex_lock(&tcs_lock[tcs]);
		if (seed & 0x10000)
			service_call(&service, tcs, &call);
		else
			enclu_enter((uint64_t)&call, 0, 0, service_tcs(&service, tcs));
		pthread_mutex_unlock(&tcs_lock[tcs]);
		check_equal("registers that changed", 0, call.result);
		__atomic_add_fetch(&entered, 1, __ATOMIC_RELAXED);
		seed = seed * 6364136223846793005u + 1442695040888963407u;
	}
	return NULL;
}

int main(void)
{
	struct service_options options = {
		.threads = TCSES,
		.code = steady_code,
		.code_length = (uint64_t)(steady_code_end - steady_code),
	};
	struct itimerval timer = { { 0, 1000 }, { 0, 1000 } };
	struct sigaction action = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct timespec end;
	pthread_t threads[THREADS];
	sigset_t set;

	service_build(&service, &options);
	for (int i = 0; i < TCSES; i++)
		pthread_mutex_init(&tcs_lock[i], NULL);

	/* Signals go to the workers, not to the thread that waits. */
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGALRM, &action, NULL);
	for (uint64_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)(0x9e3779b97f4a7c15u * (i + 1))) != 0)
			die("start a thread");
	if (setitimer(ITIMER_REAL, &timer, NULL) != 0)
		die("set a timer");

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += SECONDS;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) != 0)
		;
	done = 1;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	check("threads entered", entered > 0);
	check("threads were interrupted inside", interrupted > 0);
	return 0;
}
