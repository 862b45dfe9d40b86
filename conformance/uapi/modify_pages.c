/*
 * SGX2 in the tree of 2018: one call for permissions and types, one for removal.
 *
 * MODIFY_PAGES restricts (op 0) or changes the type (op 1) of a range, which the
 * enclave accepts; REMOVE_PAGES takes what was trimmed and accepted, and gives
 * EFAULT for anything else. A page that EMODPR or EMODT refuses is no fault of the
 * driver's: the enclave is killed. Pages cannot be added after INIT.
 * As posted the calls refused everything or never ended; this is what their
 * comments say.
 * Source: the tree around v16, which RFC v3 of December 2018 renumbers (seed 002).
 *
 * Uapi: v16 rfc-enclu
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "by_address.h"
#include "check.h"
#include "service.h"

#define R (SECINFO_REG | SECINFO_R)
#define RW (R | SECINFO_W)
#define HEAP_PAGES 16ul

static struct service service;

static long modify(uint64_t address, uint64_t length, uint64_t secinfo_flags, uint8_t op)
{
	struct secinfo secinfo = { .flags = secinfo_flags };
	struct sgx_enclave_modify_pages argument = {
		.addr = address,
		.length = length,
		.secinfo = (uint64_t)&secinfo,
		.op = op,
	};

	return ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_MODIFY_PAGES, &argument);
}

static long remove_pages(uint64_t address, uint64_t length)
{
	struct sgx_enclave_remove_pages argument = { .addr = address, .length = length };

	return ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_REMOVE_PAGES, &argument);
}

static void accept(uint64_t page, uint64_t flags)
{
	check_equal("EACCEPT", SGX_SUCCESS, service_accept(&service, 0, EACCEPT, flags, page, 0));
}

static void bad_arguments(void)
{
	uint64_t page = service.heap;

	check_errno("MODIFY_PAGES with another op", EINVAL, modify(page, PAGE, R, 2));
	check_errno("an address in the middle of a page", EINVAL, modify(page + 8, PAGE, R, SGX_MODIFY_PERMISSIONS));
	check_errno("half a page", EINVAL, modify(page, PAGE / 2, R, SGX_MODIFY_PERMISSIONS));
	check_errno("more than the enclave", EINVAL,
		    modify(page, service.enclave.size, R, SGX_MODIFY_PERMISSIONS));
	check_errno("W without R", EINVAL, modify(page, PAGE, SECINFO_REG | SECINFO_W, SGX_MODIFY_PERMISSIONS));
	check_errno("a version array", EINVAL, modify(page, PAGE, SECINFO_VA, SGX_MODIFY_TYPES));
	check_errno("an address outside every enclave", EINVAL,
		    modify(service.enclave.base - service.enclave.size, PAGE, R, SGX_MODIFY_PERMISSIONS));
	check_errno("an address without a page", EFAULT, modify(service.room, PAGE, R, SGX_MODIFY_PERMISSIONS));
	check_errno("REMOVE_PAGES of half a page", EINVAL, remove_pages(page, PAGE / 2));
	check_errno("REMOVE_PAGES of what is not there", EFAULT, remove_pages(service.room, PAGE));
}

static void permissions(uint64_t page)
{
	struct call write_it = { .operation = OP_WRITE, .a = page, .b = 7 };
	struct sgx_enclave_run run;

	service_do(&service, 0, OP_FILL, page, 3, 4, 0);
	check_errno("MODIFY_PAGES to R", 0, modify(page, 4 * PAGE, R, SGX_MODIFY_PERMISSIONS));
	check_equal("pages with other contents", 0, service_do(&service, 0, OP_VERIFY, page, 3, 4, 0));
	for (uint64_t i = 0; i < 4; i++)
		accept(page + i * PAGE, R | SECINFO_PR);
	service_expect_exception(&service, 0, &write_it, "a write", VECTOR_PF, &run);
	check_equal("error code", PFEC_SGX | PFEC_U | PFEC_P | PFEC_W, run.exception_error_code);
	service_accept(&service, 0, EMODPE, RW, page, 0);
	service_resume(&service, 0);
	check_equal("what was written", 7, service_do(&service, 0, OP_READ, page, 0, 0, 0));
}

static void removal(uint64_t page)
{
	struct call read_it = { .operation = OP_READ, .a = page };
	struct sgx_enclave_run run;

	check_errno("REMOVE_PAGES of a regular page", EFAULT, remove_pages(page, PAGE));
	check_errno("MODIFY_PAGES to TRIM", 0, modify(page, 3 * PAGE, SECINFO_TRIM, SGX_MODIFY_TYPES));
	check_errno("REMOVE_PAGES of a page that was not accepted", EFAULT, remove_pages(page, PAGE));
	for (uint64_t i = 0; i < 3; i++)
		accept(page + i * PAGE, SECINFO_TRIM | SECINFO_MODIFIED);
	check_errno("REMOVE_PAGES", 0, remove_pages(page, 3 * PAGE));
	check_errno("REMOVE_PAGES once more", EFAULT, remove_pages(page, PAGE));
	service_expect_exception(&service, 0, &read_it, "an access to what is gone", VECTOR_PF, &run);
	check_equal("error code: no page", PFEC_U, run.exception_error_code);
	service_abandon(&service, 0);
}

static void thread(uint64_t start)
{
	struct tcs tcs = thread_tcs(start - service.enclave.base, 0);
	struct call cssa = { .operation = OP_CSSA, .result = 99 };
	struct sgx_enclave_run run;

	service_do(&service, 1, OP_COPY, start, (uint64_t)&tcs, sizeof tcs, 0);
	check_errno("MODIFY_PAGES to TCS", 0, modify(start, PAGE, SECINFO_TCS, SGX_MODIFY_TYPES));
	check_equal("EACCEPT of the TCS", SGX_SUCCESS,
		    service_accept(&service, 1, EACCEPT, SECINFO_TCS | SECINFO_MODIFIED, start, 0));
	check_equal("entering by it", 0, (uint64_t)service_try(&service, start, &cssa, EENTER, &run));
	check_equal("how it was left", EEXIT, run.function);
	check_equal("what it did", 0, cssa.result);
}

/* EMODT of a page that is trimmed already: #GP. */
static void refusal(uint64_t page)
{
	struct call nothing = { .operation = OP_NOTHING };
	struct sgx_enclave_run run;

	check_errno("MODIFY_PAGES to TRIM", 0, modify(page, PAGE, SECINFO_TRIM, SGX_MODIFY_TYPES));
	check_errno("MODIFY_PAGES from TRIM to TCS", EFAULT, modify(page, PAGE, SECINFO_TCS, SGX_MODIFY_TYPES));
	service_try(&service, service_tcs(&service, 1), &nothing, EENTER, &run);
	check("the enclave is dead", run.function == EENTER && run.exception_vector == VECTOR_PF);
	check_errno("and so are its calls", EFAULT, modify(service.heap, PAGE, R, SGX_MODIFY_PERMISSIONS));
}

int main(void)
{
	struct service_options options = { .threads = 2, .heap_length = HEAP_PAGES * PAGE };

#ifdef SGX_IOC_ENCLU_REGISTER
	struct sgx_enclu_register handler = { (uint64_t)enclu_aep, (uint64_t)enclu_return };
	int fd = open(SGX_DEVICE, O_RDWR);

	check_errno("ENCLU_REGISTER", 0, ioctl(fd, SGX_IOC_ENCLU_REGISTER, &handler));
	close(fd);
#endif
	service_build(&service, &options);
	bad_arguments();
	permissions(service.heap);
	removal(service.heap + 4 * PAGE);
	thread(service.heap + 8 * PAGE);
	refusal(service.heap + 4 * PAGE + THREAD_SIZE + 4 * PAGE);
	return 0;
}
