/*
 * Exceptions of enclave code at the very moment at which another thread drives
 * all threads out of the enclave, with code of the program's own at AEP.
 *
 * Hardware: whichever comes first takes the asynchronous exit. An interrupt that
 * comes first leaves EXITINFO.VALID clear, and nobody is told of an exception:
 * it happens again after the ERESUME. So a signal of an exception always finds
 * the frame of that exception, or the handler inside takes the host for hostile.
 * One thread's ENCLU in a handler, which blocks the signal, takes the handler from
 * no other thread. And a stop of the whole process, which the kernel lets come
 * before an exception that a thread has raised, changes nothing.
 * Source: SDM 3D, "Asynchronous Enclave Exits (AEX)", "EXITINFO"; Linux
 * arch/x86/kernel/cpu/sgx/encl.c, sgx_ipi_cb, kernel/signal.c, get_signal; Gramine, pal/src/host/linux-sgx/
 * pal_exception.c, which ends with "Host injected malicious signal".
 *
 * Run: --isolation=fast
 * Run: --isolation=strict
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define THREADS 2
#define SLOT 32
#define SECONDS 0.5
#define VALID (1ul << 31)

/* ud2; cpuid; syscall; xor edx, edx and div edx; hlt; mov [8], al; int3. */
static const struct {
	uint8_t bytes[12], before, length;
	uint8_t vector;
	int signal;
} faults[] = {
	{ { 0x0f, 0x0b }, 0, 2, VECTOR_UD, SIGILL },
	{ { 0x0f, 0xa2 }, 0, 2, VECTOR_UD, SIGILL },
	{ { 0x0f, 0x05 }, 0, 2, VECTOR_UD, SIGILL },
	{ { 0x31, 0xd2, 0xf7, 0xf2 }, 2, 2, 0 /* #DE */, SIGFPE },
	{ { 0xf4 }, 0, 1, VECTOR_GP, SIGSEGV },
	{ { 0x88, 0x04, 0x25, 8, 0, 0, 0 }, 0, 7, VECTOR_PF, SIGSEGV },
	{ { 0xcc }, 0, 1, VECTOR_UD, SIGILL }, /* after an opt-out entry */
};
#define FAULTS (sizeof faults / sizeof *faults)

extern void enter_counting(struct call *, uint64_t tcs);
extern const char counting_aep[], counting_aep_end[];

__asm__(".pushsection .bss\n"
	"aexs:	.skip 8\n"
	".popsection\n"
	".pushsection .text\n"
	".globl enter_counting\n"
	"enter_counting:\n"
	"	push	%rbx\n	push	%rbp\n	push	%r12\n	push	%r13\n	push	%r14\n	push	%r15\n"
	"	mov	%rsi, %rbx\n"
	"	lea	counting_aep(%rip), %rcx\n"
	"	mov	$2, %eax\n"
	"	enclu\n"
	"	pop	%r15\n	pop	%r14\n	pop	%r13\n	pop	%r12\n	pop	%rbp\n	pop	%rbx\n"
	"	ret\n"
	"	.balign 16\n"
	".globl counting_aep, counting_aep_end\n"
	"counting_aep:\n"
	"	lock incq aexs(%rip)\n"
	"	enclu\n"
	"counting_aep_end:\n"
	"	ud2\n"
	"	.balign 64\n"
	".popsection\n");

static struct service service;
static volatile sig_atomic_t done;
static uint64_t handled[THREADS];
static __thread unsigned self, current;

static void handler(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *c = context;
	uint64_t rip = (uint64_t)c->uc_mcontext.gregs[REG_RIP];
	struct call skip = { .operation = OP_EXCEPTION, .a = faults[current].length };

	(void)info;
	check("RIP at the signal of an exception is in the code at AEP", rip >= (uint64_t)counting_aep && rip < (uint64_t)counting_aep_end);
	enter_counting(&skip, service_tcs(&service, self));
	check_equal("what the enclave is told of it", VALID | faults[current].vector, skip.b & (VALID | 0xff));
	check_equal("the signal", (uint64_t)faults[current].signal, (uint64_t)signal);
	handled[self]++;
}

static void *worker(void *argument)
{
	self = (unsigned)(uintptr_t)argument;
	for (uint64_t rounds = 1; !done; rounds++) {
		struct call call;

		current = rounds % FAULTS;
		call = (struct call){ .operation = OP_JUMP, .a = service.code + current * SLOT };
		enter_counting(&call, service_tcs(&service, self));
		check_equal("exceptions that were handled", rounds, handled[self]);
		call = (struct call){ .operation = OP_NOTHING };
		enter_counting(&call, service_tcs(&service, self));
	}
	return NULL;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A child that stops this process and lets it go on, until it is told to end. */
static pid_t begin_stops(atomic_bool *end)
{
	pid_t parent = getpid(), child = fork();

	if (child < 0)
		die("fork");
	while (child == 0) {
		kill(parent, SIGSTOP);
		usleep(200);
		kill(parent, SIGCONT);
		if (*end || getppid() != parent)
			_exit(0);
		usleep(300);
	}
	return child;
}

static void compete(int flags, bool stops)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };
	atomic_bool *end = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_t threads[THREADS];
	pid_t child = 0;
	double start;

	if (end == MAP_FAILED)
		die("map a page");

	for (unsigned i = 0; i < FAULTS; i++)
		sigaction(faults[i].signal, &action, NULL);
	done = 0;
	memset(handled, 0, sizeof handled);
	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, worker, (void *)i) != 0)
			die("pthread_create");
	if (stops)
		child = begin_stops(end);
	start = now();
	while (now() - start < SECONDS)
		check_errno("RESTRICT_PERMISSIONS", 0, enclave_restrict(&service.enclave, service.heap, PAGE, SECINFO_R, NULL, NULL));
	done = 1;
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	*end = true;
	if (stops && waitpid(child, NULL, 0) != child)
		die("waitpid");
	munmap(end, PAGE);
}

int main(void)
{
	uint8_t *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct service_options options = { .code = code, .code_length = PAGE, .threads = THREADS, .heap_length = PAGE,
					   .enclave = { .miscselect = MISCSELECT_EXINFO } };

	if (code == MAP_FAILED)
		die("map a page");
	memset(code, 0x90, PAGE);
	for (unsigned i = 0; i < FAULTS; i++) {
		memcpy(code + i * SLOT, faults[i].bytes, (size_t)faults[i].before + faults[i].length);
		memcpy(code + i * SLOT + faults[i].before + faults[i].length, "\x41\xff\xe3", 3); /* jmp *r11 */
	}
	service_build(&service, &options);
	compete(SA_NODEFER, false);
	compete(0, false);
	compete(0, true);
	return 0;
}
