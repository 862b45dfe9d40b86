/*
 * The machine loses power: the drivers of 2018 are told before.
 *
 * "SGX_POWER_LOST_ENCLAVE 0x40000000" (seed 002) is what a call on an enclave
 * returns that was there when the machine slept; the driver has killed it by
 * then, so an EENTER or the ERESUME of a thread that was inside is a page fault
 * without a page, and no SGX bit. Unmapping and building anew works.
 * Source: Linux v16, sgx_encl_pm_notifier, sgx_invalidate, sgx_encl_get.
 *
 * Uapi: v16 rfc-enclu
 * Run: --power-loss entry=3 -- entry
 * Run: --power-loss ioctl=3 -- build
 * Run: -- signal
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "by_address.h"
#include "check.h"
#include "power_loss.h"

static uint8_t zeros[PAGE] __attribute__((aligned(4096)));

static void check_lost(const struct sgx_enclave_run *run, uint32_t function)
{
	check_equal("the instruction that faulted", function, run->function);
	check_equal("vector", VECTOR_PF, run->exception_vector);
	check_equal("error code: no page, no SGX bit", 0, run->exception_error_code & (PFEC_P | PFEC_SGX));
}

static void check_calls(void)
{
	struct enclave *enclave = &service.enclave;
	struct secinfo secinfo = { .flags = SECINFO_REG | SECINFO_R };
	struct sgx_enclave_remove_pages remove = { .addr = enclave->base, .length = PAGE };
	struct sgx_enclave_modify_pages modify = {
		.addr = enclave->base,
		.length = PAGE,
		.secinfo = (uint64_t)&secinfo,
	};

	check_equal("ADD_PAGE", SGX_POWER_LOST_ENCLAVE,
		    (uint64_t)by_address_add(enclave, 0, zeros, SECINFO_REG | SECINFO_R, 0));
	check_equal("INIT", SGX_POWER_LOST_ENCLAVE, (uint64_t)by_address_init(enclave));
	check_equal("REMOVE_PAGES", SGX_POWER_LOST_ENCLAVE,
		    (uint64_t)ioctl(enclave->fd, SGX_IOC_ENCLAVE_REMOVE_PAGES, &remove));
	check_equal("MODIFY_PAGES", SGX_POWER_LOST_ENCLAVE,
		    (uint64_t)ioctl(enclave->fd, SGX_IOC_ENCLAVE_MODIFY_PAGES, &modify));
}

static void lose_at_entry(void)
{
	struct call nothing = { .operation = OP_NOTHING };
	struct sgx_enclave_run run;

	service_build(&service, NULL);
	service_do(&service, 0, OP_WRITE, service.data, 4711, 0, 0);
	check_equal("before", 4711, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	for (int i = 0; i < 2; i++) {
		service_try(&service, service_tcs(&service, 0), &nothing, EENTER, &run);
		check_lost(&run, EENTER);
	}
	check_calls();
	rebuild();
}

static void lose_while_building(void)
{
	struct enclave *enclave = &service.enclave;
	int calls = 0;

	/* Before the third call of all: one CREATE, and pages, if nothing else. */
	enclave_create(enclave, 16 * PAGE, NULL);
	while (by_address_add(enclave, calls * PAGE, zeros, SECINFO_REG | SECINFO_R, 0) == 0)
		calls++;
#ifdef SGX_IOC_ENCLU_REGISTER
	check_equal("pages that were added", 0, calls);
#else
	check_equal("pages that were added", 1, calls);
#endif
	check_calls();
	rebuild();
}

static void lose_by_signal(void)
{
	check_lost(lose_with_a_thread_inside(), ERESUME);
	check_calls();
	rebuild();
}

int main(int argc, char **argv)
{
	(void)argc;
	vdso_find();
#ifdef SGX_IOC_ENCLU_REGISTER
	struct sgx_enclu_register handler = { (uint64_t)enclu_aep, (uint64_t)enclu_return };
	int fd = open(SGX_DEVICE, O_RDWR);

	check_errno("ENCLU_REGISTER", 0, ioctl(fd, SGX_IOC_ENCLU_REGISTER, &handler));
	close(fd);
#endif
	if (strcmp(argv[1], "entry") == 0)
		lose_at_entry();
	else if (strcmp(argv[1], "signal") == 0)
		lose_by_signal();
	else
		lose_while_building();
	return 0;
}
