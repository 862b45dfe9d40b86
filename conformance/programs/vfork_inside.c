/*
 * vfork: the child runs in the parent's address space, enclave and all, until
 * it execs.
 *
 * Kernel: a vfork child shares the mm, so nothing about the enclave changes,
 * neither by the child's use of it nor by its exec.
 * Source: vfork(2); Linux arch/x86/kernel/cpu/sgx/encl.c (the driver follows mm,
 * not tasks).
 */
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

int main(void)
{
	static struct service service;
	volatile uint64_t seen = 0;
	int status;
	pid_t pid;

	service_build(&service, NULL);
	for (int round = 0; round < 5; round++) {
		service_do(&service, 0, OP_WRITE, service.data, 40 + (uint64_t)round, 0, 0);
		pid = vfork();
		if (pid < 0)
			die("vfork");
		if (pid == 0) {
			seen = service_do(&service, 0, OP_READ, service.data, 0, 0, 0);
			service_do(&service, 0, OP_WRITE, service.data, seen + 100, 0, 0);
			execl("/bin/true", "true", (char *)NULL);
			_exit(99);
		}
		if (waitpid(pid, &status, 0) != pid)
			die("wait for the child");
		check_equal("the child's wait status", 0, (uint64_t)status);
		check_equal("what the child read inside", 40 + (uint64_t)round, seen);
		check_equal("what the child wrote", 140 + (uint64_t)round,
			    service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	}
	return 0;
}
