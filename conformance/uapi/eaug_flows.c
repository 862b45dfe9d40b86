/*
 * Pages are added by the page fault handler, in both flows.
 *
 * "A useful flow is for the enclave to run ENCLU[EACCEPT] on an uninitialized
 * address": the page comes and EACCEPT is repeated, "this time successful". "If
 * the enclave accesses an uninitialized address in another way" there is "a
 * second page fault, this time with the SGX flag set", and only "entering the
 * enclave again and directly running" EACCEPT recovers it; then ERESUME.
 * "Accessing an uninitialized address from outside the enclave also triggers this
 * flow but the page will remain inaccessible until accepted from within".
 * Source: V2 19/32, Sat Feb 19 2022 (seed 000).
 *
 * Uapi: edmm-v1 edmm-v2 edmm-augment edmm-v3 v6.0
 */
#include <errno.h>

#include "check.h"
#include "edmm.h"

#define PAGES 16

static struct service service;

/* Reads or writes before EACCEPT: the handler in the enclave accepts, ERESUME goes on. */
static void access_then_accept(uint64_t page, bool write)
{
	struct call call = { .operation = write ? OP_WRITE : OP_READ, .a = page + 24, .b = 4711, .result = 99 };
	struct sgx_enclave_run run;

	service_expect_exception(&service, 0, &call, "an access to a page that was not accepted", VECTOR_PF, &run);
	check_equal("error code: the second fault, with the SGX bit",
		    PFEC_SGX | PFEC_U | PFEC_P | (write ? PFEC_W : 0), run.exception_error_code);
	check_equal("address", page, run.exception_addr);
	check_equal("the enclave is entered again: CSSA", 1, service_do(&service, 0, OP_CSSA, 0, 0, 0, 0));
	check_equal("EACCEPT in the handler", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, EDMM_RW | SECINFO_PENDING, page, 0));
	service_resume(&service, 0);
	check_equal("what is in the page", write ? 4711 : 0, service_do(&service, 0, OP_READ, page + 24, 0, 0, 0));
}

int main(void)
{
	uint64_t page, result, count;

	service_build(&service, NULL);
	page = service.room;
	for (int i = 0; i < PAGES; i++, page += PAGE) {
		check_equal("EACCEPT first", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT, EDMM_RW | SECINFO_PENDING, page, 0));
		service_do(&service, 0, OP_WRITE, page, (uint64_t)i, 0, 0);
		check_equal("what was written", (uint64_t)i, service_do(&service, 0, OP_READ, page, 0, 0, 0));
	}
	for (int i = 0; i < PAGES; i++, page += PAGE)
		access_then_accept(page, i % 2 == 0);

	/* From outside: before the access there is no page, after it there is one, pending. */
	check_errno("taking permissions from no page", EFAULT,
		    edmm_restrict(&service.enclave, page, PAGE, SECINFO_R, &result, &count));
	check_equal("result: no leaf was run", 0, result);
	(void)*(volatile uint64_t *)page;
	check_errno("taking permissions from the page that came", EFAULT,
		    edmm_restrict(&service.enclave, page, PAGE, SECINFO_R, &result, &count));
	check_equal("result: it waits for EACCEPT", SGX_PAGE_NOT_MODIFIABLE, result);
	access_then_accept(page, true);
	return 0;
}
