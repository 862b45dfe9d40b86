/*
 * Linux 5.11: "an enclave needs to be created with the maximum" of everything
 * (seed 004, cover letter of V3, on SGX1).
 *
 * Pages are there before EINIT or never: an access to an address without a page
 * is a page fault that nothing resolves, without the SGX bit and with SIGBUS
 * where no vDSO stands between; the calls of SGX2 do not exist, whatever the
 * processor can; nor does the device for guests.
 * Source: Linux 5.11, arch/x86/kernel/cpu/sgx/encl.c, sgx_vma_fault: VM_FAULT_SIGBUS.
 *
 * Uapi: v5.11
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static struct service service;
static uint64_t page;

static void on_bus(int signal, siginfo_t *information, void *context)
{
	(void)signal;
	(void)context;
	_exit(information->si_code == BUS_ADRERR && (uint64_t)information->si_addr == page ? 0 : 1);
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO };
	struct call read_it = { .operation = OP_READ };
	struct sgx_enclave_run run;
	uint64_t argument[5] = { 0, PAGE, SECINFO_R };

	service_build(&service, NULL);
	page = service.room;
	read_it.a = page;
	service_expect_exception(&service, 0, &read_it, "an access where no page was added", VECTOR_PF, &run);
	check_equal("error code: no page, no SGX bit", PFEC_U, run.exception_error_code);
	check_equal("address", page, run.exception_addr);
	service_abandon(&service, 0);
	check_errno("RESTRICT_PERMISSIONS of Linux 6.0", ENOTTY, ioctl(service.enclave.fd, 0xc028a405, argument));
	check_errno("MODIFY_TYPES of Linux 6.0", ENOTTY, ioctl(service.enclave.fd, 0xc028a406, argument));
	check_errno("REMOVE_PAGES of Linux 6.0", ENOTTY, ioctl(service.enclave.fd, 0xc018a407, argument));
	check_errno("open /dev/sgx_vepc", ENOENT, open("/dev/sgx_vepc", O_RDWR));

	/* The same access by the host: no exception fixup there. */
	sigaction(SIGBUS, &action, NULL);
	*(volatile uint64_t *)page;
	return 1;
}
