/* One process with an enclave and its lanes. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"
#include "wild.h"

#define STACK (64ul << 10)

pthread_t lane_threads[LANES];
static struct lane lanes[LANES];
static const char *program;

uint64_t below(struct lane *lane, uint64_t limit)
{
	/* xorshift64* */
	lane->random ^= lane->random >> 12;
	lane->random ^= lane->random << 25;
	lane->random ^= lane->random >> 27;
	return (lane->random * 0x2545f4914f6cdd1dul >> 32) % limit;
}

/* The line of /proc/self/maps that an address is in. */
static void show_mapping(uint64_t address)
{
	static char maps[1 << 16];
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got;

	while (fd >= 0 && length < sizeof maps - 1 && (got = read(fd, maps + length, sizeof maps - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	for (char *line = maps; line < maps + length;) {
		char *end = strchrnul(line, '\n');
		unsigned long long first, last;

		if (sscanf(line, "%llx-%llx", &first, &last) == 2 && address >= first && address < last)
			(void)!write(STDERR_FILENO, line, (size_t)(end - line + 1));
		line = end + 1;
	}
}

static void nothing(int signal) { (void)signal; }

/* Nothing here may fault: says where, and ends the process. */
static void fault(int signal, siginfo_t *information, void *context)
{
	const ucontext_t *at = context;
	const greg_t *registers = at->uc_mcontext.gregs;
	char text[256];
	int length = snprintf(text, sizeof text, "wild: signal %d code %d at 0x%llx, address %p, error code 0x%llx, RAX 0x%llx, RSP 0x%llx, thread %d\n",
			      signal, information->si_code, (unsigned long long)registers[REG_RIP], information->si_addr,
			      (unsigned long long)registers[REG_ERR], (unsigned long long)registers[REG_RAX],
			      (unsigned long long)registers[REG_RSP], (int)gettid());

	(void)!write(STDERR_FILENO, text, (size_t)length);
	show_mapping((uint64_t)registers[REG_RIP]);
	show_mapping((uint64_t)information->si_addr);
	_exit(9);
}

static void catch_faults(void)
{
	static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
	struct sigaction action = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };

	for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++)
		sigaction(signals[i], &action, NULL);
}

static void *live(void *argument)
{
	struct lane *lane = argument;

	lane_threads[lane->number] = pthread_self();
	for (uint64_t step = 1;; step++) {
		switch (below(lane, 16)) {
		case 0 ... 7:
			step_in_enclave(lane);
			break;
		case 8 ... 10:
			step_of_mappings(lane);
			break;
		case 11:
			step_of_children(lane, program);
			break;
		default:
			step_of_host(lane);
		}
		if (step % 64 == 0)
			check_everything(lane);
		lane->sign->steps[lane->number]++;
		lane->sign->total++;
	}
	return NULL;
}

void worker(const char *self, uint64_t seed, struct sign *sign)
{
	static struct service service;
	struct sigaction action = { .sa_handler = nothing, .sa_flags = (int)(seed & 1 ? SA_RESTART : 0) };
	struct itimerval timer = { { 0, 3000 }, { 0, 3000 } };
	struct service_options options = { .threads = LANES, .heap_length = 2ul << 20, .size = 16ul << 20 };

	program = self;
	catch_faults();
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	service_build(&service, &options);
	for (unsigned i = 0; i < LANES; i++) {
		struct lane *lane = &lanes[i];

		*lane = (struct lane){ .number = i, .random = seed * 0x9e3779b97f4a7c15ul + i + 1, .service = &service, .sign = sign };
		lane->page = service.heap + i * PAGE;
		lane->room = service.room + i * ROOM_PAGES * PAGE;
		lane->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (lane->stack == MAP_FAILED)
			die("map a stack");
	}
	if (seed % 3 == 0)
		setitimer(ITIMER_REAL, &timer, NULL);
	for (unsigned i = 0; i < LANES; i++)
		if (pthread_create(&lane_threads[i], NULL, live, &lanes[i]) != 0)
			die("start a lane");
	/* The first thread ends in some, and the others live on. */
	if (seed % 4 == 0)
		pthread_exit(NULL);
	for (;;)
		pause();
}
