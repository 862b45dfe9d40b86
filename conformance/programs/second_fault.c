/*
 * Of two threads that fault on the same new page Linux 6.0 to 6.12 gives the
 * second SIGBUS, though the page is there by then; the vDSO reports it as a #PF
 * on an address that is not present. A runtime that executes EACCEPT again gets
 * on. Errors of ioctls that come by chance, such as EAGAIN, change nothing.
 * Here both come by order.
 * Source: arch/x86/kernel/cpu/sgx/encl.c, sgx_encl_eaug_page (xa_insert gives
 * -EBUSY); arch/x86/mm/fault.c, do_sigbus.
 *
 * Run: --inject race=eaug:when=3..4,ioctl=SGX_IOC_ENCLAVE_MODIFY_TYPES:error=EAGAIN:when=2
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "check.h"
#include "service.h"

#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
#define PAGES 40

static struct service service;

static bool is_second(unsigned page)
{
	return page == 2 || page == 3;
}

/* A page after the other, as a heap grows. */
static void accepts(uint64_t start)
{
	struct secinfo secinfo = { .flags = RW | SECINFO_PENDING };
	struct sgx_enclave_run run;

	service_do(&service, 0, OP_COPY, service.data, (uint64_t)&secinfo, sizeof secinfo, 0);
	for (unsigned i = 0; i < PAGES; i++) {
		uint64_t page = start + i * PAGE;
		struct call call = { .operation = OP_ENCLU, .a = EACCEPT, .b = service.data, .c = page, .result = 99 };

		if (!is_second(i)) {
			check_equal("EACCEPT of a new page", SGX_SUCCESS, service_call(&service, 0, &call));
			continue;
		}
		service_expect_exception(&service, 0, &call, "EACCEPT of a page that another thread adds", VECTOR_PF, &run);
		check_equal("error code: not present", 0, run.exception_error_code & PFEC_P);
		check_equal("address", page, run.exception_addr);
		service_resume(&service, 0);
		check_equal("EACCEPT once more", SGX_SUCCESS, call.result);
	}
	service_do(&service, 0, OP_FILL, start, 1, PAGES, 0);
	check_equal("pages with other contents", 0, service_do(&service, 0, OP_VERIFY, start, 1, PAGES, 0));
}

static int trim(uint64_t page, uint64_t *count)
{
	struct sgx_enclave_modify_types types = {
		.offset = page - service.enclave.base,
		.length = PAGE,
		.page_type = PT_TRIM,
	};
	int result = ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, &types);

	*count = types.count;
	return result;
}

int main(void)
{
	uint64_t count;

	service_build(&service, NULL);
	accepts(service.room);
	check_errno("the first MODIFY_TYPES", 0, trim(service.room, &count));
	check_equal("pages that it changed", PAGE, count);
	check_errno("the second", EAGAIN, trim(service.room + PAGE, &count));
	check_equal("pages that it changed", 0, count);
	check_errno("once more", 0, trim(service.room + PAGE, &count));
	check_equal("pages that it changed", PAGE, count);
	return 0;
}
