/*
 * Pages go in two stages, and a thread is added by a change of type.
 *
 * "Removing pages is accomplished in two stages": a change of type to TRIM that
 * the enclave accepts, then the removal. A page that is not trimmed, or trimmed
 * and not accepted, is EPERM; an address without a page EFAULT. "More threads can
 * be accommodated by [...] changing the type of regular enclave pages to TCS
 * pages", which is refused for a page that may not be written.
 * Source: cover letter of V3 (seed 004); sgx_ioc_enclave_remove_pages and
 * sgx_enclave_modify_type.
 *
 * Uapi: edmm-v1 edmm-v2 edmm-augment edmm-v3 v6.0
 */
#include <errno.h>
#include <sys/mman.h>

#include "check.h"
#include "edmm.h"

static struct service service;

#define PAGES 8

static void remove_regular(uint64_t start)
{
	uint64_t result, count;

	for (uint64_t page = start; page < start + PAGES * PAGE; page += PAGE)
		check_equal("EACCEPT", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT, EDMM_RW | SECINFO_PENDING, page, 0));
	check_errno("removal of a regular page", EPERM, edmm_remove(&service.enclave, start, PAGE, &count));
	check_equal("count", 0, count);
	check_errno("a change of type to TRIM", 0,
		    edmm_modify(&service.enclave, start, PAGES * PAGE, PT_TRIM, &result, &count));
	check_equal("count", PAGES * PAGE, count);
	check_errno("removal of a page that was not accepted", EPERM,
		    edmm_remove(&service.enclave, start, PAGE, &count));
	for (uint64_t page = start; page < start + PAGES * PAGE; page += PAGE)
		check_equal("EACCEPT of TRIM", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT, SECINFO_TRIM | SECINFO_MODIFIED, page, 0));
	check_errno("removal", 0, edmm_remove(&service.enclave, start, PAGES * PAGE, &count));
	check_equal("count", PAGES * PAGE, count);
	check_errno("removal of what is gone", EFAULT, edmm_remove(&service.enclave, start, PAGE, &count));
	check_equal("a new page at the same address", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, EDMM_RW | SECINFO_PENDING, start, 0));
	check_equal("is empty", 0, service_do(&service, 0, OP_READ, start, 0, 0, 0));
}

static void add_thread(uint64_t start)
{
	struct tcs tcs = thread_tcs(start - service.enclave.base, 0);
	struct call call = { .operation = OP_CSSA, .result = 99 };
	struct sgx_enclave_run run;
	uint64_t result, count;

	/* A TCS is R and W to the kernel: a mapping with more does not fault it in. */
	enclave_map(&service.enclave, start - service.enclave.base, THREAD_SIZE, PROT_READ | PROT_WRITE);
	for (uint64_t page = start; page < start + THREAD_SIZE; page += PAGE)
		check_equal("EACCEPT", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT, EDMM_RW | SECINFO_PENDING, page, 0));
	service_do(&service, 0, OP_COPY, start, (uint64_t)&tcs, sizeof tcs, 0);
	check_errno("a change of type to TCS", 0,
		    edmm_modify(&service.enclave, start, PAGE, PT_TCS, &result, &count));
	check_equal("EACCEPT of TCS", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, SECINFO_TCS | SECINFO_MODIFIED, start, 0));
	check_equal("entering by it", 0, (uint64_t)service_try(&service, start, &call, EENTER, &run));
	check_equal("how it was left", EEXIT, run.function);
	check_equal("what it did", 0, call.result);

	check_errno("a change of type from TCS to TRIM", 0,
		    edmm_modify(&service.enclave, start, PAGE, PT_TRIM, &result, &count));
	check_equal("EACCEPT of TRIM", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, SECINFO_TRIM | SECINFO_MODIFIED, start, 0));
	check_errno("removal of it", 0, edmm_remove(&service.enclave, start, PAGE, &count));
}

int main(void)
{
	uint64_t result, count;

	service_build(&service, NULL);
	remove_regular(service.room);
	add_thread(service.room + (1ul << 20));
	check_errno("a change of type of a page of R and X to TCS", EPERM,
		    edmm_modify(&service.enclave, service.enclave.base, PAGE, PT_TCS, &result, &count));
	check_equal("count", 0, count);
	return 0;
}
