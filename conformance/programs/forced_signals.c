/*
 * What happens inside an enclave, and CPUID, leave the program's signals alone:
 * no handler is lost and no signal unblocked, whatever is blocked or ignored.
 *
 * Hardware and kernel: CPUID and ENCLU raise nothing, and an exception that the
 * vDSO's function reports is no signal. An exception that is one, while it is
 * blocked or ignored, ends the program.
 * Source: Linux kernel/signal.c, force_sig_info_to_task; arch/x86/entry/vdso/
 * extable.c, fixup_vdso_exception.
 *
 * Run: --isolation=fast
 * Run: --isolation=strict
 * Run: --interrupt-every 501
 */
#include <cpuid.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <stdio.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static const int signals[] = { SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS };
#define SIGNALS (sizeof signals / sizeof *signals)

/* ud2; xor edx, edx and div edx; mov [0], al; hlt; int3; each with its length. */
static const struct {
	uint8_t bytes[8], before, length, vector;
} faults[] = {
	{ { 0x0f, 0x0b }, 0, 2, VECTOR_UD },
	{ { 0x0f, 0xa2 }, 0, 2, VECTOR_UD },
	{ { 0x31, 0xd2, 0xf7, 0xf2 }, 2, 2, 0 /* #DE */ },
	{ { 0x31, 0xc0, 0x88, 0x00 }, 2, 2, VECTOR_PF },
	{ { 0xf4 }, 0, 1, VECTOR_GP },
	{ { 0x0f, 0x05 }, 0, 2, VECTOR_UD },
};
#define FAULTS (sizeof faults / sizeof *faults)
#define SLOT 32

static struct service service;
static volatile sig_atomic_t handled;

static void cpuid(void)
{
	unsigned a, b, c, d;

	__cpuid(0, a, b, c, d);
}

static void use_machine(unsigned thread)
{
	for (unsigned i = 0; i < FAULTS; i++) {
		struct call call = { .operation = OP_JUMP, .a = service.code + i * SLOT };
		struct call skip = { .operation = OP_EXCEPTION, .a = faults[i].length };
		struct sgx_enclave_run run;

		service_expect_exception(&service, thread, &call, "an exception by the vDSO", faults[i].vector, &run);
		service_call(&service, thread, &skip);
		service_resume(&service, thread);
	}
	struct call call = { .operation = OP_NOTHING };

	enclu_enter((uint64_t)&call, 0, 0, service_tcs(&service, thread));
	service_do(&service, thread, OP_WRITE, service.heap + 0x1000 * thread, 1, 0, 0);
	cpuid();
}

static void handler(int signal, siginfo_t *info, void *context)
{
	ucontext_t *c = context;
	sigset_t mask;

	handled++;
	use_machine(0);
	sigprocmask(SIG_SETMASK, NULL, &mask);
	check_equal("the handler's signal is blocked", 1, (uint64_t)sigismember(&mask, signal));
	if (info->si_code > 0)
		c->uc_mcontext.gregs[REG_RIP] += 2;
}

/* The masks: the first is nothing, then one signal each, then all. */
static void masked(unsigned thread, unsigned i)
{
	sigset_t set, mask;

	sigemptyset(&set);
	if (i >= 1 && i <= SIGNALS)
		sigaddset(&set, signals[i - 1]);
	if (i > SIGNALS)
		sigfillset(&set);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	use_machine(thread);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	for (unsigned s = 0; s < SIGNALS; s++)
		check_equal("a blocked signal", (uint64_t)sigismember(&set, signals[s]), (uint64_t)sigismember(&mask, signals[s]));
}

static void *worker(void *argument)
{
	for (unsigned i = 0; i < SIGNALS + 2; i++)
		masked((unsigned)(uintptr_t)argument, i);
	return NULL;
}

static void actions(const void *expected)
{
	for (unsigned s = 0; s < SIGNALS; s++) {
		struct sigaction now;

		sigaction(signals[s], NULL, &now);
		check("the action is what it was", (const void *)now.sa_sigaction == expected);
		if (expected != (const void *)SIG_IGN)
			check_equal("its flags", SA_SIGINFO, (uint64_t)now.sa_flags & SA_SIGINFO);
	}
}

/* Ends in the signal, as a process that takes it with this mask and action. */
static void dies(int signal, bool blocked, bool inside)
{
	static unsigned thread = 2; /* a child that ends inside leaves its frame in use */

	int status;

	thread++;
	pid_t child = fork();

	if (child == 0) {
		sigset_t set;

		sigemptyset(&set);
		sigaddset(&set, signal);
		if (!blocked)
			(void)!sigaction(signal, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
		use_machine(0);
		if (blocked)
			sigprocmask(SIG_BLOCK, &set, NULL);
		use_machine(0);
		if (inside) {
			/* #GP, or SYSCALL's #UD, which it may be another signal that stops. */
			struct call call = { .operation = OP_JUMP, .a = service.code + (signal == SIGSEGV ? 4 : 5) * SLOT };

			enclu_enter((uint64_t)&call, 0, 0, service_tcs(&service, thread));
		} else if (signal == SIGSEGV) {
			__asm__ volatile("movl $1, 8");
		} else {
			__asm__ volatile("ud2");
		}
		_exit(1);
	}
	waitpid(child, &status, 0);
	check("a signal that is blocked or ignored and forced ends the program", WIFSIGNALED(status));
	check_equal("with that signal", (uint64_t)signal, (uint64_t)WTERMSIG(status));
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	uint8_t *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct service_options options = { .code = code, .code_length = PAGE, .threads = 11, .heap_length = 4 * PAGE };
	pthread_t threads[2];

	if (code == MAP_FAILED)
		die("map a page");
	memset(code, 0x90, PAGE);
	for (unsigned i = 0; i < FAULTS; i++) {
		memcpy(code + i * SLOT, faults[i].bytes, (size_t)faults[i].before + faults[i].length);
		memcpy(code + i * SLOT + faults[i].before + faults[i].length, "\x41\xff\xe3", 3); /* jmp *r11 */
	}
	service_build(&service, &options);
	for (unsigned s = 0; s < SIGNALS; s++)
		sigaction(signals[s], &action, NULL);

	/* Handlers without SA_NODEFER: their signal is blocked. */
	for (int round = 1; round <= 2; round++) {
		__asm__ volatile("ud2");
		for (unsigned s = 0; s < SIGNALS; s++)
			raise(signals[s]);
		check_equal("signals handled", (uint64_t)round * (SIGNALS + 1), (uint64_t)handled);
		actions((const void *)handler);
	}
	for (unsigned i = 0; i < SIGNALS + 2; i++) {
		masked(0, i);
		actions((const void *)handler);
	}
	for (uintptr_t i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, worker, (void *)(i + 1)) != 0)
			die("pthread_create");
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	actions((const void *)handler);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	fflush(NULL);
	for (int i = 0; i < 4; i++) {
		dies(SIGSEGV, i & 1, i & 2);
		dies(SIGILL, i & 1, i & 2);
	}

	for (unsigned s = 0; s < SIGNALS; s++)
		sigaction(signals[s], &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	use_machine(0);
	actions((const void *)SIG_IGN);

	/* SA_RESETHAND: once, and then it is the default. */
	action.sa_flags |= SA_RESETHAND;
	sigaction(SIGILL, &action, NULL);
	use_machine(0);
	__asm__ volatile("ud2");
	use_machine(0);
	sigaction(SIGILL, NULL, &action);
	check("SA_RESETHAND made it the default", action.sa_handler == SIG_DFL);
	return 0;
}
