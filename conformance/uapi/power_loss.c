/*
 * The machine loses power: from Linux 5.11 on nobody is told, the leaves fault.
 *
 * A suspend empties the EPC. A thread that was inside finds its ERESUME to be a
 * page fault with the SGX bit, as is every EENTER; the calls say EIO while the
 * enclave is built and EFAULT afterwards; a page that would be added is SIGBUS.
 * "This allows userspace to rebuild the enclave", which it does here.
 * Source: Linux 5.11 and 6.12, arch/x86/mm/fault.c, access_error; sgx_encl_add_page,
 * sgx_encl_init, sgx_enclave_restrict_permissions, sgx_encl_eaug_page.
 *
 * Uapi: v5.11 edmm-v3 v6.0
 * Run: --power-loss entry=3,entry=6 -- entry
 * Run: --power-loss ioctl=2 -- add
 * Run: --power-loss ioctl=3 -- init
 * Run: -- signal
 * Run: --epc 1M --power-loss entry=3,entry=6 -- entry
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "power_loss.h"

static sigjmp_buf before;
static int signalled;

static void on_signal(int signal)
{
	signalled = signal;
	siglongjmp(before, 1);
}

static void check_lost(const struct sgx_enclave_run *run, uint32_t function)
{
	check_equal("the instruction that faulted", function, run->function);
	check_equal("vector", VECTOR_PF, run->exception_vector);
	check_equal("error code: the SGX bit", PFEC_SGX, run->exception_error_code & PFEC_SGX);
}

/* Power goes before the third and before the sixth EENTER. */
static void lose_at_entry(void)
{
	struct call nothing = { .operation = OP_NOTHING };
	struct sigaction action = { .sa_handler = on_signal };
	struct sgx_enclave_run run;

	service_build(&service, NULL);
	service_do(&service, 0, OP_WRITE, service.data, 4711, 0, 0);
	check_equal("before", 4711, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	for (int i = 0; i < 2; i++) {
		service_try(&service, service_tcs(&service, 0), &nothing, EENTER, &run);
		check_lost(&run, EENTER);
		check_equal("address: the TCS", service_tcs(&service, 0), run.exception_addr);
	}
#ifdef UAPI_V6_0
	uint64_t result = 0, count = 0;

	check_errno("RESTRICT_PERMISSIONS", EFAULT,
		    enclave_restrict(&service.enclave, service.data, PAGE, SECINFO_R, &result, &count));
	check_equal("its count", 0, count);
	check_equal("its result", 0, result);
	check_errno("MODIFY_TYPES", EFAULT,
		    enclave_modify(&service.enclave, service.data, PAGE, PT_TRIM, &result, &count));
#endif
	sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(before, 1) == 0) {
		*(volatile uint64_t *)service.room;
		check("a page appears where there is no enclave", false);
	}
	check_equal("signal", SIGBUS, (uint64_t)signalled);

	/* The fifth entry of all, and power goes a second time. */
	enclave_destroy(&service.enclave);
	service_build(&service, NULL);
	check_equal("a new enclave is empty", 0, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	service_try(&service, service_tcs(&service, 0), &nothing, EENTER, &run);
	check_lost(&run, EENTER);
	rebuild();
}

static long add_page(struct enclave *enclave, uint64_t offset, uint64_t *count)
{
	static uint8_t zeros[PAGE] __attribute__((aligned(4096)));
	struct secinfo secinfo __attribute__((aligned(64))) = { .flags = SECINFO_REG | SECINFO_R };
	struct sgx_enclave_add_pages argument = {
		.src = (uint64_t)zeros,
		.offset = offset,
		.length = PAGE,
		.secinfo = (uint64_t)&secinfo,
	};
	long status = ioctl(enclave->fd, SGX_IOC_ENCLAVE_ADD_PAGES, &argument);

	*count = argument.count;
	return status;
}

/* The first call is CREATE. */
static void lose_while_building(bool at_init)
{
	struct enclave *enclave = &service.enclave;
	struct sgx_enclave_init init = { 0 };
	uint64_t count;

	enclave_create(enclave, 16 * PAGE, NULL);
	if (at_init)
		check_errno("ADD_PAGES", 0, add_page(enclave, 0, &count));
	else {
		check_errno("ADD_PAGES", EIO, add_page(enclave, 0, &count));
		check_equal("its count", 0, count);
	}
	enclave_sign(enclave);
	init.sigstruct = (uint64_t)&enclave->sigstruct;
	check_errno("INIT", EIO, ioctl(enclave->fd, SGX_IOC_ENCLAVE_INIT, &init));
	check_errno("INIT again", EIO, ioctl(enclave->fd, SGX_IOC_ENCLAVE_INIT, &init));
	check_errno("ADD_PAGES again", EIO, add_page(enclave, PAGE, &count));
	rebuild();
}

static void lose_by_signal(void)
{
	check_lost(lose_with_a_thread_inside(), ERESUME);
	rebuild();
}

int main(int argc, char **argv)
{
	(void)argc;
	vdso_find();
	if (strcmp(argv[1], "entry") == 0)
		lose_at_entry();
	else if (strcmp(argv[1], "signal") == 0)
		lose_by_signal();
	else
		lose_while_building(strcmp(argv[1], "init") == 0);
	return 0;
}
