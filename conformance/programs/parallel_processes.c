/*
 * Several processes share one EPC that is too small for them.
 *
 * Run: --epc 8M
 *
 * Kernel: enclaves compete for the EPC; the reclaimer takes pages from all of
 * them, in the order of their use, and no process sees another's.
 * Source: Linux arch/x86/kernel/cpu/sgx/main.c, sgx_reclaim_pages.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"
#include "sign.h"

#define PROCESSES 4
#define HEAP (4ul << 20)

static void work(uint64_t seed)
{
	static struct service service;

	service_build(&service, &(struct service_options){ .heap_length = HEAP });
	for (uint64_t round = 0; round < 3; round++) {
		service_do(&service, 0, OP_FILL, service.heap, seed + round, HEAP / PAGE, 0);
		check_equal("pages with other contents", 0,
			    service_do(&service, 0, OP_VERIFY, service.heap, seed + round, HEAP / PAGE, 0));
	}
	_exit(3);
}

int main(void)
{
	struct sigstruct any = { 0 };
	int status;

	/* Make the key now, once for all of them. */
	sigstruct_sign(&any);
	for (uint64_t i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0)
			work(i * 1000);
	}
	for (int i = 0; i < PROCESSES; i++) {
		if (wait(&status) < 0)
			die("wait");
		check_equal("a process's wait status", 3 << 8, (uint64_t)status);
	}
	return 0;
}
