/*
 * SGX2 in the out-of-tree driver: EMODPR, MKTCS, TRIM, NOTIFY_ACCEPT, PAGE_REMOVE.
 *
 * A write where there is no page adds one and is SIGBUS all the same, so that the
 * enclave's handler accepts it; a read adds one, and the enclave finds it pending.
 * Ranges are an address and a number of pages. NOTIFY_ACCEPT removes the pages of
 * a range that are trimmed and gives EINVAL when there was another; PAGE_REMOVE
 * takes any page.
 * Source: 01org/linux-sgx-driver, branch sgx2, sgx_ioctl.c, sgx_encl2.c.
 *
 * Arguments: a file with the key of the signer whom the machine starts without a
 * token; `signer` before it prints its MRSIGNER.
 *
 * Uapi: isgx
 */
#include <errno.h>
#include <string.h>

#include "by_address.h"
#include "check.h"
#include "service.h"
#include "sign.h"

#define R (SECINFO_REG | SECINFO_R)
#define RW (R | SECINFO_W)

static struct service service;

static long on_range(unsigned long command, uint64_t address, unsigned pages)
{
	struct sgx_range range = { .start_addr = address, .nr_pages = pages };

	return ioctl(service.enclave.fd, command, &range);
}

static void accept(uint64_t page, uint64_t flags)
{
	check_equal("EACCEPT", SGX_SUCCESS, service_accept(&service, 0, EACCEPT, flags, page, 0));
}

static void add(uint64_t page)
{
	struct call write_it = { .operation = OP_WRITE, .a = page, .b = 5 };
	struct sgx_enclave_run run;

	service_expect_exception(&service, 0, &write_it, "a write where there is no page", VECTOR_PF, &run);
	check_equal("error code: a signal in spite of the page", PFEC_U | PFEC_W, run.exception_error_code);
	accept(page, RW | SECINFO_PENDING);
	service_resume(&service, 0);
	check_equal("what was written", 5, service_do(&service, 0, OP_READ, page, 0, 0, 0));
	accept(page + PAGE, RW | SECINFO_PENDING);
	check_equal("EACCEPT adds a page by itself", 0, service_do(&service, 0, OP_READ, page + PAGE, 0, 0, 0));
}

static void restrict_it(uint64_t page)
{
	struct sgx_modification_param argument = { .range = { page, 2 }, .flags = SECINFO_R };
	struct call write_it = { .operation = OP_WRITE, .a = page, .b = 6 };
	struct sgx_enclave_run run;

	check_errno("EMODPR", 0, ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_EMODPR, &argument));
	accept(page, R | SECINFO_PR);
	accept(page + PAGE, R | SECINFO_PR);
	service_expect_exception(&service, 0, &write_it, "a write", VECTOR_PF, &run);
	check_equal("error code", PFEC_SGX | PFEC_U | PFEC_P | PFEC_W, run.exception_error_code);
	service_accept(&service, 0, EMODPE, RW, page, 0);
	service_resume(&service, 0);
	argument.flags = SECINFO_W;
	check_errno("EMODPR to W without R", EINVAL, ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_EMODPR, &argument));
	argument = (struct sgx_modification_param){ .range = { service_tcs(&service, 0), 1 }, .flags = SECINFO_R };
	check_errno("EMODPR of a TCS", EINVAL, ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_EMODPR, &argument));
}

static void trim(uint64_t page)
{
	unsigned long removed = page + PAGE;

	check_errno("TRIM", 0, on_range(SGX_IOC_ENCLAVE_TRIM, page, 1));
	accept(page, SECINFO_TRIM | SECINFO_MODIFIED);
	check_errno("NOTIFY_ACCEPT of a range that has a regular page", EINVAL,
		    on_range(SGX_IOC_ENCLAVE_NOTIFY_ACCEPT, page, 2));
	check_equal("which is still there", 0, service_do(&service, 0, OP_READ, page + PAGE, 0, 0, 0));
	check_errno("NOTIFY_ACCEPT of what is gone", EINVAL, on_range(SGX_IOC_ENCLAVE_NOTIFY_ACCEPT, page, 1));
	check_errno("PAGE_REMOVE", 0, ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_PAGE_REMOVE, &removed));
	check_errno("PAGE_REMOVE once more", EINVAL, ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_PAGE_REMOVE, &removed));
	accept(page, RW | SECINFO_PENDING);
	check_equal("a new page is empty", 0, service_do(&service, 0, OP_READ, page, 0, 0, 0));
}

static void thread(uint64_t start)
{
	struct tcs tcs = thread_tcs(start - service.enclave.base, 0);
	struct call cssa = { .operation = OP_CSSA, .result = 99 };
	struct sgx_enclave_run run;

	for (uint64_t page = start; page < start + THREAD_SIZE; page += PAGE)
		accept(page, RW | SECINFO_PENDING);
	service_do(&service, 0, OP_COPY, start, (uint64_t)&tcs, sizeof tcs, 0);
	check_errno("MKTCS", 0, on_range(SGX_IOC_ENCLAVE_MKTCS, start, 1));
	accept(start, SECINFO_TCS | SECINFO_MODIFIED);
	check_equal("entering by it", 0, (uint64_t)service_try(&service, start, &cssa, EENTER, &run));
	check_equal("how it was left", EEXIT, run.function);
	check_equal("what it did", 0, cssa.result);
	check_errno("no pages", EINVAL, on_range(SGX_IOC_ENCLAVE_MKTCS, start, 0));
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "signer") == 0) {
		sigstruct_print_signer(argv[2]);
		return 0;
	}
	check_equal("arguments", 2, (uint64_t)argc);
	sigstruct_use_key(argv[1]);
	service_build(&service, NULL);
	add(service.room);
	restrict_it(service.room);
	trim(service.room);
	thread(service.room + (1ul << 20));
	return 0;
}
