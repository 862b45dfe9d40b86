/*
 * A process that is not dumpable, as after prctl(PR_SET_DUMPABLE, 0).
 *
 * Kernel: nothing of SGX asks whether a process may be dumped. Others, of the
 * same user too, may not look into its memory and its files in /proc.
 * Source: prctl(2), ptrace(2), "Ptrace access mode checking".
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static struct service service, second;

static void use(struct service *which, uint64_t value)
{
	uint64_t page = which->room + value * PAGE;

	service_do(which, 0, OP_WRITE, which->data, value, 0, 0);
	check_equal("EACCEPT", SGX_SUCCESS,
		    service_accept(which, 0, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING,
				   page, 0));
	check_equal("what was written", value, service_do(which, 0, OP_READ, which->data, 0, 0, 0));
}

static void check_child(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child)
		die("run a child");
	check_equal("a child's status", 0, (uint64_t)status);
}

int main(void)
{
	struct stat status;
	char line[10] = "";
	int fd;
	pid_t child;

	if (prctl(PR_SET_DUMPABLE, 0))
		die("prctl");
	fd = open("/proc/cpuinfo", O_RDONLY);
	check("cpuinfo can be read", fd >= 0 && read(fd, line, 9) == 9 && !strcmp(line, "processor"));
	close(fd);
	check_errno("stat of the node", 0, stat("/dev/sgx_enclave", &status));
	if (chdir("/dev"))
		die("chdir");
	fd = open("sgx_enclave", O_RDWR);
	check_errno("open of the node by a relative path", 0, fd);
	check("its type", !fstat(fd, &status) && S_ISCHR(status.st_mode));
	close(fd);
	vdso_find();
	service_build(&service, NULL);
	use(&service, 3);
	child = fork();
	if (child == 0) {
		use(&service, 4);
		service_build(&second, NULL);
		use(&second, 5);
		_exit(0);
	}
	check_child(child);
	child = vfork();
	if (child == 0)
		_exit(service_do(&service, 0, OP_READ, service.data, 0, 0, 0) != 4);
	check_child(child);
	close(service.enclave.fd);
	close(dup(0));
	check_equal("after the file was closed", 4, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	check_equal("PR_GET_DUMPABLE", 0, (uint64_t)prctl(PR_GET_DUMPABLE));
	return 0;
}
