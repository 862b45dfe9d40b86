/*
 * A program that unmaps what Cloister keeps in its memory ends for it, or goes on;
 * no other program ends, nor the machine. On hardware there is no such memory.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"
#include "sign.h"

#define MOST 64

/* Takes one in so many of the mappings away and uses the device. */
static void use_without(unsigned which, struct service *service)
{
	char line[512];
	uint64_t start[MOST], end[MOST];
	unsigned count = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	struct service second;
	struct call call = { .operation = OP_NOTHING };
	struct sgx_enclave_run run;

	if (maps == NULL)
		die("open /proc/self/maps");
	while (count < MOST && fgets(line, sizeof line, maps) != NULL)
		if ((strstr(line, "memfd:cloister") != NULL || strstr(line, "7e9000000000") != NULL)
		    && sscanf(line, "%lx-%lx", &start[count], &end[count]) == 2 && start[count] - service->enclave.base >= service->enclave.size)
			count++;
	for (unsigned i = 0; i < count; i++)
		if (which == MOST || i == which)
			munmap((void *)start[i], end[i] - start[i]);
	close(open("/dev/sgx_vepc", O_RDWR));
	service_try(service, service_tcs(service, 0), &call, EENTER, &run);
	munmap((void *)service->enclave.base, PAGE);
	service_build(&second, NULL);
	_exit(0);
}

int main(void)
{
	static struct service service;
	struct sigstruct any = { 0 };

	sigstruct_sign(&any);
	service_build(&service, NULL);
	service_do(&service, 0, OP_WRITE, service.data, 42, 0, 0);
	for (unsigned which = 0; which <= MOST; which = which == 7 ? MOST : which + 1) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			fclose(stderr);
			use_without(which, &service);
		}
		check_equal("waitpid", (uint64_t)pid, (uint64_t)waitpid(pid, &status, 0));
	}
	check_equal("another's page", 42, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	return 0;
}
