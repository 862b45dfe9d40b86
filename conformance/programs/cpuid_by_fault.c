/*
 * CPUID where the processor makes it fault: code reads as it was written, and
 * every CPUID tells of SGX, wherever it stands.
 *
 * Processor and kernel: CPUID is the same instruction in a file's text, in code
 * that was written later, and in memory that is shared; it raises no signal,
 * whatever is blocked. A thread, a child and a new program have it as well.
 * Source: SDM 2A, CPUID; arch_prctl(2), ARCH_SET_CPUID; Intel, "Virtualization
 * Technology FlexMigration Application Note" for CPUID faulting.
 *
 * cpuid_by_fault.run runs it where the processor has that.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"

#define SGX (1u << 2) /* of leaf 7's EBX */

extern const uint8_t at_cpuid[];
static volatile sig_atomic_t faults;

/* Leaf 7 with the CPUID of this text. */
static uint32_t here(void)
{
	uint32_t a = 7, b, c = 0, d;

	__asm__ volatile(".globl at_cpuid\nat_cpuid: cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return b;
}

/* push rbx; mov eax, 7; xor ecx, ecx; (prefix) cpuid; mov eax, ebx; pop rbx; ret */
static uint32_t written(int flags, bool prefixed)
{
	static const uint8_t before[] = { 0x53, 0xb8, 7, 0, 0, 0, 0x31, 0xc9 }, after[] = { 0x0f, 0xa2, 0x89, 0xd8, 0x5b, 0xc3 };
	uint8_t *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, flags | MAP_ANONYMOUS, -1, 0);
	uint32_t (*function)(void) = (uint32_t(*)(void))code;
	size_t length = sizeof before;

	if (code == MAP_FAILED)
		die("map code");
	memcpy(code, before, length);
	if (prefixed)
		code[length++] = 0x66;
	memcpy(code + length, after, sizeof after);
	return function();
}

static void everywhere(const char *where)
{
	check(where, here() & SGX);
	check("CPUID in code that was written", written(MAP_PRIVATE, false) & SGX);
	check("CPUID in shared memory", written(MAP_SHARED, false) & SGX);
	check("CPUID with a prefix", written(MAP_PRIVATE, true) & SGX);
}

static void *thread(void *argument)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	everywhere("CPUID in a thread that blocks all signals");
	return argument;
}

static void handler(int signal, siginfo_t *info, void *context)
{
	ucontext_t *c = context;

	(void)signal, (void)info;
	faults++;
	c->uc_mcontext.gregs[REG_RIP]++;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	pthread_t other;
	int status;

	check("the bytes of CPUID", at_cpuid[0] == 0x0f && at_cpuid[1] == 0xa2);
	everywhere("CPUID");
	if (argc > 1)
		return 0;
	sigaction(SIGSEGV, &action, NULL);
	if (pthread_create(&other, NULL, thread, NULL) != 0)
		die("pthread_create");
	pthread_join(other, NULL);
	everywhere("CPUID beside a handler");
	check_equal("signals", 0, (uint64_t)faults);
	__asm__ volatile("hlt");
	check_equal("signals of HLT", 1, (uint64_t)faults);
	pid_t child = fork();

	if (child == 0) {
		everywhere("CPUID in a child");
		execl("/proc/self/exe", argv[0], "again", NULL);
		_exit(1);
	}
	waitpid(child, &status, 0);
	check_equal("status of the child", 0, (uint64_t)status);
	return 0;
}
