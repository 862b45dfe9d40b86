/*
 * Pages leave a running enclave: trimmed, accepted, removed.
 *
 * Hardware: EMODT to TRIM makes the page inaccessible and MODIFIED; EACCEPT with
 * TRIM and MODIFIED agrees to it.
 * Kernel: REMOVE_PAGES takes only pages that are trimmed and accepted, EPERM
 * otherwise, and says in count how far it came. An access to a trimmed page is
 * an EPCM fault, before and after EACCEPT. After the removal the address is
 * free: an access adds a new page of zeros.
 * Source: SDM 3D, EMODT, EACCEPT; Linux arch/x86/kernel/cpu/sgx/ioctl.c,
 * sgx_encl_remove_pages.
 */
#include <errno.h>

#include "check.h"
#include "service.h"

#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
#define TRIMMED (SECINFO_TRIM | SECINFO_MODIFIED)
#define PAGES 16

static struct service service;

static void expect_refusal(unsigned thread, uint64_t page, const char *what)
{
	struct call call = { .operation = OP_READ, .a = page };
	struct sgx_enclave_run run;

	service_expect_exception(&service, thread, &call, what, VECTOR_PF, &run);
	check_equal(what, PFEC_SGX | PFEC_U | PFEC_P, run.exception_error_code);
	check_equal(what, page, run.exception_addr);
}

int main(void)
{
	/* Threads 1 and 2 are used up by the accesses that fault. */
	struct service_options options = { .threads = 3, .heap_length = PAGES * PAGE };
	struct enclave *enclave = &service.enclave;
	uint64_t start, result, count;

	service_build(&service, &options);
	start = service.heap;

	for (int round = 0; round < 2; round++) {
		service_do(&service, 0, OP_FILL, start, 9, PAGES, 0);
		check_errno("REMOVE_PAGES of regular pages", EPERM,
			    enclave_remove(enclave, start, PAGES * PAGE, &count));
		check_equal("count", 0, count);

		check_errno("MODIFY_TYPES to TRIM", 0,
			    enclave_modify(enclave, start, PAGES * PAGE, PT_TRIM, &result, &count));
		check_equal("count", PAGES * PAGE, count);
		check_errno("REMOVE_PAGES before EACCEPT", EPERM,
			    enclave_remove(enclave, start, PAGES * PAGE, &count));
		check_equal("count", 0, count);
		if (round == 0)
			expect_refusal(1, start, "a read of a trimmed page");

		/* All but the last are accepted: as many are removed. */
		for (uint64_t i = 0; i < PAGES - 1; i++)
			check_equal("EACCEPT of the trim", SGX_SUCCESS,
				    service_accept(&service, 0, EACCEPT, TRIMMED, start + i * PAGE, 0));
		if (round == 0)
			expect_refusal(2, start + PAGE, "a read of a trimmed and accepted page");
		check_errno("REMOVE_PAGES with one page not accepted", EPERM,
			    enclave_remove(enclave, start, PAGES * PAGE, &count));
		check_equal("count", (PAGES - 1) * PAGE, count);
		check_equal("EACCEPT of the last trim", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT, TRIMMED, start + (PAGES - 1) * PAGE, 0));
		check_errno("REMOVE_PAGES of the last", 0,
			    enclave_remove(enclave, start + (PAGES - 1) * PAGE, PAGE, &count));
		check_equal("count", PAGE, count);
		check_errno("REMOVE_PAGES where there is none", EFAULT,
			    enclave_remove(enclave, start, PAGE, &count));

		/* The addresses can be used again. */
		for (uint64_t i = 0; i < PAGES; i++)
			check_equal("EACCEPT of a new page", SGX_SUCCESS,
				    service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, start + i * PAGE, 0));
		check_equal("what a new page holds", 0, service_do(&service, 0, OP_READ, start + 8, 0, 0, 0));
	}
	return 0;
}
