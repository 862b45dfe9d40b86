/*
 * Signals of exceptions that the program sends to itself, with codes and addresses
 * that only the kernel gives otherwise: each arrives as it was sent.
 *
 * Kernel: a thread may send itself any si_code, with any si_addr; the handler gets
 * the siginfo that was sent. One that arrives inside an enclave is an interrupt
 * there: the enclave hears of no exception, and goes on where it was.
 * Source: Linux kernel/signal.c, do_rt_sigqueueinfo and do_rt_tgsigqueueinfo;
 * SDM 3D, "EXITINFO".
 *
 * Run: --isolation=fast
 * Run: --isolation=strict
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static const int signals[] = { SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV, SIGSYS };
static const int codes[] = { 1, 2, 3, 4, 5, 6, SI_KERNEL, SI_USER, SI_QUEUE, SI_TIMER, SI_TKILL };
#define SIGNALS (sizeof signals / sizeof *signals)
#define CODES (sizeof codes / sizeof *codes)

static struct service service;
static volatile siginfo_t got;
static volatile uint64_t count, stop, told = -1ul;
static __thread volatile bool inside;
static volatile uint64_t spins;

static void handler(int signal, siginfo_t *info, void *context)
{
	struct call look = { .operation = OP_EXCEPTION };

	(void)context;
	check_equal("si_signo", (uint64_t)signal, (uint64_t)info->si_signo);
	memcpy((void *)&got, info, sizeof *info);
	if (inside) {
		service_call(&service, 1, &look);
		told = look.b;
	}
	__atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
}

static siginfo_t forged(int signal, int code, uint64_t address)
{
	siginfo_t info = { 0 };

	info.si_signo = signal;
	info.si_code = code;
	info.si_addr = (void *)address;
	return info;
}

static void arrives(const siginfo_t *sent, uint64_t before)
{
	check_equal("signals that arrived", before + 1, count);
	check_equal("its number", (uint64_t)sent->si_signo, (uint64_t)got.si_signo);
	check_equal("its code", (uint64_t)sent->si_code, (uint64_t)got.si_code);
	check_equal("its address", (uint64_t)sent->si_addr, (uint64_t)got.si_addr);
}

static void to_thread(int signal, int code, uint64_t address, bool blocked)
{
	siginfo_t info = forged(signal, code, address);
	uint64_t before = count;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	if (blocked)
		sigprocmask(SIG_BLOCK, &set, NULL);
	check_errno("rt_tgsigqueueinfo", 0, syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), signal, &info));
	if (blocked) {
		check_equal("signals while it is blocked", before, count);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
	arrives(&info, before);
}

/* Blocked in the thread that sends it, so the other one gets it, at AEP already or inside. */
static void to_process(int signal, int code, uint64_t address)
{
	siginfo_t info = forged(signal, code, address);
	uint64_t before = count;

	told = -1ul;
	check_errno("rt_sigqueueinfo", 0, syscall(SYS_rt_sigqueueinfo, getpid(), signal, &info));
	while (count == before)
		sched_yield();
	arrives(&info, before);
	check_equal("EXITINFO of a signal that was sent", 0, told);
}

static void *spin(void *argument)
{
	struct call call = { .operation = OP_SPIN, .a = (uint64_t)&stop };
	sigset_t set;

	for (int i = 0; i < 3; i++)
		service_do(&service, 1, OP_NOTHING, 0, 0, 0, 0);
	sigemptyset(&set);
	for (unsigned s = 0; s < SIGNALS; s++)
		sigaddset(&set, signals[s]);
	inside = true;
	spins = 1;
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	enclu_enter((uint64_t)&call, 0, 0, service_tcs(&service, 1));
	inside = false;
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	check("it went on where it was", call.result != 0);
	return argument;
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };
	struct service_options options = { .threads = 2, .heap_length = PAGE };
	extern const char enclu_aep[], enclu_eenter[];
	uint64_t addresses[6];
	pthread_t thread;
	sigset_t set;

	service_build(&service, &options);
	sigemptyset(&set);
	for (unsigned s = 0; s < SIGNALS; s++) {
		sigaction(signals[s], &action, NULL);
		sigaddset(&set, signals[s]);
	}
	addresses[0] = 0;
	addresses[1] = service.heap;
	addresses[2] = service.room;
	addresses[3] = service.enclave.base;
	addresses[4] = (uint64_t)enclu_eenter;
	addresses[5] = (uint64_t)enclu_aep;
	for (unsigned s = 0; s < SIGNALS; s++)
		for (unsigned c = 0; c < CODES; c++)
			for (unsigned a = 0; a < sizeof addresses / sizeof *addresses; a++)
				to_thread(signals[s], codes[c], addresses[a], (c ^ a) & 1);

	sigprocmask(SIG_BLOCK, &set, NULL);
	if (pthread_create(&thread, NULL, spin, NULL) != 0)
		die("pthread_create");
	while (!spins)
		sched_yield();
	usleep(20000);
	for (unsigned s = 0; s < SIGNALS; s++)
		for (unsigned c = 0; c < CODES; c++)
			/* An address in the enclave, or none for SIGSEGV and SIGBUS, cannot be told from a fault there. */
			if ((signals[s] != SIGSEGV && signals[s] != SIGBUS) || codes[c] <= 0)
				to_process(signals[s], codes[c], addresses[c % 5]);
	stop = 1;
	pthread_join(thread, NULL);
	return 0;
}
