/*
 * A run whose trace is looked at from outside (traced_run.run): pages that are
 * added, accepted, evicted and loaded, entries, an exception, a refused ioctl
 * and EACCEPT, a signal, a child.
 *
 * The program sees nothing of being traced: every check holds as without.
 * Source of the rules: SDM 3D, EACCEPT, EWB, ELDU; Linux
 * arch/x86/kernel/cpu/sgx/ioctl.c, sgx_ioc_enclave_init.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define HEAP (4ul << 20)
#define ENTRIES 1000
#define ROW 100

static volatile sig_atomic_t heard;

static void hear(int signal)
{
	heard = signal;
}

int main(void)
{
	static struct service service;
	struct sgx_enclave_init again;
	struct sgx_enclave_run run;
	struct call call = { .operation = OP_WRITE };
	int status;
	pid_t child;

	service_build(&service, &(struct service_options){ .size = 64ul << 20, .heap_length = HEAP, .data_pages = 2 });
	again.sigstruct = (uint64_t)&service.enclave.sigstruct;
	check_errno("a second INIT", EINVAL, ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_INIT, &again));

	service_do(&service, 0, OP_FILL, service.heap, 7, HEAP / PAGE, 0);
	check_equal("pages with other contents", 0,
		    service_do(&service, 0, OP_VERIFY, service.heap, 7, HEAP / PAGE, 0));
	for (int i = 0; i < ENTRIES; i++)
		service_do(&service, 0, OP_NOTHING, 0, 0, 0, 0);

	for (uint64_t i = 0; i < ROW; i++)
		check_equal("EACCEPT", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING,
					   service.room + i * PAGE, 0));
	check_equal("EACCEPT again", SGX_PAGE_ATTRIBUTES_MISMATCH,
		    service_accept(&service, 0, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING,
				   service.room, 0));

	if (mprotect((void *)(service.data + PAGE), PAGE, PROT_READ) != 0)
		die("mprotect");
	call.a = service.data + PAGE;
	service_expect_exception(&service, 0, &call, "a write to a page mapped for reading", VECTOR_PF, &run);

	signal(SIGUSR1, hear);
	raise(SIGUSR1);
	check_equal("the signal heard", SIGUSR1, (uint64_t)heard);
	child = fork();
	if (child == 0)
		_exit(3);
	if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 3)
		die("wait for the child");
	return 0;
}
