/*
 * What the enclaves are compared with: a plain program, no SGX in it.
 *
 *   plain getppid COUNT REPETITIONS
 *   plain touch PAGES REPETITIONS     first touch of the pages of a memfd
 *   plain segv COUNT REPETITIONS      SIGSEGV, handled by moving RIP on
 *   plain signal COUNT REPETITIONS    SIGUSR1 of the program's own to itself, handled
 *
 * Prints the name and the nanoseconds of one.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "bench.h"
#include "check.h"

static void call_getppid(uint64_t count)
{
	for (; count != 0; count--)
		syscall(SYS_getppid);
}

static uint64_t touch(uint64_t count)
{
	int fd = memfd_create("touch", 0);
	uint8_t *memory;
	uint64_t began;

	if (fd < 0 || ftruncate(fd, (off_t)(count * PAGE)) != 0)
		die("memfd");
	memory = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		die("map the memfd");
	began = now();
	for (uint64_t i = 0; i < count; i++)
		*(volatile uint8_t *)(memory + i * PAGE) = 1;
	began = now() - began;
	munmap(memory, count * PAGE);
	close(fd);
	return began;
}

static void move_on(int signal, siginfo_t *information, void *context)
{
	(void)signal;
	(void)information;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 3;
}

static void on_signal(int signal)
{
	(void)signal;
}

static void signals(uint64_t count)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &action, NULL);
	for (; count != 0; count--)
		raise(SIGUSR1);
}

static void fault(uint64_t count)
{
	struct sigaction action = { .sa_sigaction = move_on, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &action, NULL);
	/* mov (%rsi), %rax is three bytes long. */
	__asm__ volatile("1:	mov	(%%rsi), %%rax\n"
			 "	dec	%%rdx\n"
			 "	jnz	1b\n"
			 : "+d"(count)
			 : "S"(0)
			 : "rax", "memory", "cc");
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "getppid";
	uint64_t count = argument(argc, argv, 2, 1000), repetitions = argument(argc, argv, 3, 1);

	for (uint64_t i = 0; i < repetitions; i++) {
		uint64_t began = now(), took;

		if (strcmp(what, "touch") == 0) {
			took = touch(count);
		} else {
			(strcmp(what, "segv") == 0 ? fault : strcmp(what, "signal") == 0 ? signals : call_getppid)(count);
			took = now() - began;
		}
		report(what, (double)took / (double)count);
	}
	return 0;
}
