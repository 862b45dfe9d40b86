/*
 * An enclave grows: EAUG in both flows.
 *
 * Hardware and kernel: EACCEPT on an address without a page faults, the kernel
 * adds a page of zeros (EAUG), pending, and EACCEPT succeeds when it is tried
 * again: the program sees nothing of it. An ordinary access has the page added
 * too but then faults again, because the page is pending: error code P, SGX and
 * the access; a handler in the enclave accepts it and ERESUME goes on. EACCEPT
 * of a page that is not as SECINFO says is SGX_PAGE_ATTRIBUTES_MISMATCH; a SECINFO
 * that no page could be like is a #GP.
 * Source: SDM 3D, EAUG, EACCEPT; Linux arch/x86/kernel/cpu/sgx/encl.c,
 * sgx_encl_eaug_page.
 */
#include <sys/mman.h>

#include "check.h"
#include "service.h"

#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
#define PAGES 64

static struct service service;

static void accept_first(void)
{
	for (uint64_t i = 0; i < PAGES; i++) {
		uint64_t page = service.room + i * PAGE;

		check_equal("EACCEPT of a page that is not there yet", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, page, 0));
		check_equal("a new page's first bytes", 0,
			    service_do(&service, 0, OP_READ, page, 0, 0, 0));
		check_equal("EACCEPT again", SGX_PAGE_ATTRIBUTES_MISMATCH,
			    service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, page, 0));
	}
	service_do(&service, 0, OP_FILL, service.room, 1, PAGES, 0);
	check_equal("pages with other contents", 0,
		    service_do(&service, 0, OP_VERIFY, service.room, 1, PAGES, 0));
}

static void access_first(void)
{
	uint64_t start = service.room + PAGES * PAGE;

	for (uint64_t i = 0; i < PAGES; i++) {
		bool write = i % 2 == 0;
		struct call call = {
			.operation = write ? OP_WRITE : OP_READ,
			.a = start + i * PAGE + 24,
			.b = i + 1,
			.result = 99,
		};
		struct sgx_enclave_run run;

		service_expect_exception(&service, 0, &call, "an access to a page that is not there yet",
					 VECTOR_PF, &run);
		check_equal("error code", PFEC_SGX | PFEC_U | PFEC_P | (write ? PFEC_W : 0),
			    run.exception_error_code);
		check_equal("address, its lower bits hidden", start + i * PAGE, run.exception_addr);
		check_equal("EACCEPT in the handler", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, start + i * PAGE, 0));
		service_resume(&service, 0);
		check_equal("what is in the page", write ? i + 1 : 0,
			    service_do(&service, 0, OP_READ, call.a, 0, 0, 0));
		if (!write)
			check_equal("what the access read", 0, call.result);
	}
}

/* EACCEPT wants the page as it is: for reading and writing, pending. A request
 * that no page could match is a #GP. */
static void mismatches(void)
{
	uint64_t page = service.room + 3 * PAGES * PAGE, inside = service.data;
	struct secinfo secinfo = { .flags = RW };
	struct call call = { .operation = OP_ENCLU, .a = EACCEPT, .b = inside, .c = page };
	struct sgx_enclave_run run;

	check_equal("EACCEPT with other permissions", SGX_PAGE_ATTRIBUTES_MISMATCH,
		    service_accept(&service, 0, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_PENDING, page, 0));
	check_equal("EACCEPT as it is", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, page, 0));
	service_do(&service, 0, OP_COPY, inside, (uint64_t)&secinfo, sizeof secinfo, 0);
	service_expect_exception(&service, 0, &call, "EACCEPT of a regular page that is neither pending nor restricted",
				 VECTOR_GP, &run);
}

int main(void)
{
	service_build(&service, NULL);
	accept_first();
	access_first();
	mismatches();
	return 0;
}
