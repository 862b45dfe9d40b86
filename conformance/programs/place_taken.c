/*
 * A program starts another whose segments lie at 0x7e9000000000, which is as good
 * an address as any other (Linux fs/binfmt_elf.c maps an executable where it says),
 * and goes on with its enclave when that has ended.
 */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

int main(int argc, char **argv)
{
	static struct service service;
	char path[PATH_MAX];
	int status;
	pid_t pid;

	(void)argc;
	service_build(&service, NULL);
	snprintf(path, sizeof(path), "%s/taken_place", dirname(argv[0]));
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		execl(path, path, (char *)NULL);
		_exit(99);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("wait for the child");
	check_equal("the child's wait status", 7 << 8, (uint64_t)status);
	service_do(&service, 0, OP_WRITE, service.data, 5, 0, 0);
	check_equal("what was written inside", 5, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	return 0;
}
