/*
 * When the host has no memory for the pages of an enclave, the program that asks
 * for them ends by SIGKILL, as the kernel's search for memory would end one, and
 * no other. Source: mm/oom_kill.c, oom_kill_process. A limit on the length of
 * files, which Cloister's memory for enclaves consists of, stands for a host
 * without memory. Without a tracer there is nothing to limit.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static pid_t tracer(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[128];
	pid_t pid = 0;

	if (file == NULL)
		die("open /proc/self/status");
	while (fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "TracerPid: %d", &pid) == 1)
			break;
	fclose(file);
	return pid;
}

static void limit_files(pid_t pid, rlim_t length, struct rlimit *before)
{
	struct rlimit limit = { length, before->rlim_max };

	check_errno("prlimit", 0, prlimit(pid, RLIMIT_FSIZE, &limit, NULL));
}

int main(void)
{
	static struct service first, second;
	struct service_options options = { .heap_length = 16 * PAGE };
	struct rlimit before;
	pid_t pid = tracer(), child;
	int status;

	if (pid == 0)
		return 0;
	check_errno("prlimit", 0, prlimit(pid, RLIMIT_FSIZE, NULL, &before));
	service_build(&first, &options);
	service_do(&first, 0, OP_WRITE, first.heap, 42, 0, 0);
	if ((child = fork()) == 0) {
		struct enclave enclave;
		static uint8_t page[PAGE] __attribute__((aligned(PAGE)));

		enclave_create(&enclave, 1ul << 20, NULL);
		limit_files(pid, PAGE, &before);
		enclave_add(&enclave, 0, page, PAGE, SECINFO_REG | SECINFO_R | SECINFO_W);
		_exit(0);
	}
	check_equal("waitpid", (uint64_t)child, (uint64_t)waitpid(child, &status, 0));
	limit_files(pid, before.rlim_cur, &before);
	check_equal("how the program ended that asked for memory", SIGKILL, (uint64_t)status);

	check_equal("another's page", 42, service_do(&first, 0, OP_READ, first.heap, 0, 0, 0));
	service_build(&second, &options);
	service_do(&second, 0, OP_WRITE, second.heap, 43, 0, 0);
	check_equal("a page when there is memory again", 43, service_do(&second, 0, OP_READ, second.heap, 0, 0, 0));
	return 0;
}
