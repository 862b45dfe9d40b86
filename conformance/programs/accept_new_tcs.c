/*
 * What EACCEPT looks at in a page that became a TCS.
 *
 * Hardware: a page of zeroes is accepted (its CSSA of 0 is not below its NSSA of
 * 0, and yet), and EENTER on it is a #GP. What EADD would have cleared must be
 * clear: a page with FLAGS.DBGOPTIN, AEP or STATE, with reserved bits, or with a
 * CSSA other than 0 that is not below NSSA is a #GP inside, and stays MODIFIED.
 * SECINFO is compared first: a request that does not match is told as 19.
 * Source: intel/sgx-emm's test_sgx_mm_types for the zeroes; SDM 3D, EACCEPT for
 * the rest, whose text has CSSA >= NSSA refused (docs/explanation/fidelity.md); SDM 3D,
 * EENTER.
 */
#include <sys/mman.h>

#include "check.h"
#include "service.h"

#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
#define NEW_TCS (SECINFO_TCS | SECINFO_MODIFIED)

static struct service service;

/* A new page with that content becomes a TCS, not accepted yet. */
static uint64_t page_with(const struct tcs *content)
{
	static uint64_t next;
	uint64_t at = service.room + PAGE * next++, result, count;

	check_equal("EACCEPT of a new page", SGX_SUCCESS, service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, at, 0));
	if (content)
		service_do(&service, 0, OP_COPY, at, (uint64_t)content, sizeof *content, 0);
	check_errno("MODIFY_TYPES to TCS", 0, enclave_modify(&service.enclave, at, PAGE, PT_TCS, &result, &count));
	return at;
}

static void accepts(const char *what, const struct tcs *content, int is_enterable)
{
	struct call cssa = { .operation = OP_CSSA, .result = 99 };
	struct sgx_enclave_run run;
	uint64_t at = page_with(content);

	check_equal(what, SGX_SUCCESS, service_accept(&service, 0, EACCEPT, NEW_TCS, at, 0));
	check_equal("EENTER on it", 0, (uint64_t)service_try(&service, at, &cssa, EENTER, &run));
	check_equal("how that ended", is_enterable ? EEXIT : EENTER, run.function);
	if (!is_enterable)
		check_equal("EENTER's exception", VECTOR_GP, run.exception_vector);
}

/* The #GP keeps a frame of the calling thread, so each check has a thread of its own. */
static void refuses(const char *what, const struct tcs *content)
{
	static unsigned thread = 1;
	uint64_t at = page_with(content), secinfo = service.data + PAGE - sizeof(struct secinfo);
	struct call call = { .operation = OP_ENCLU, .a = EACCEPT, .b = secinfo, .c = at };
	struct secinfo new_tcs = { .flags = NEW_TCS };
	struct sgx_enclave_run run;

	check_equal("a request that does not match", SGX_PAGE_ATTRIBUTES_MISMATCH,
		    service_accept(&service, 0, EACCEPT, SECINFO_TRIM | SECINFO_MODIFIED, at, 0));
	service_do(&service, 0, OP_COPY, secinfo, (uint64_t)&new_tcs, sizeof new_tcs, 0);
	service_expect_exception(&service, thread++, &call, what, VECTOR_GP, &run);
	check_equal(what, ERESUME, run.function);
	check_equal("EENTER on what was not accepted", 0, (uint64_t)service_try(&service, at, &call, EENTER, &run));
	check_equal("EENTER's exception", VECTOR_PF, run.exception_vector);
}

int main(void)
{
	const struct service_options options = { .threads = 8 };
	struct tcs legal, tcs;

	service_build(&service, &options);
	enclave_map(&service.enclave, service.room - service.enclave.base, 16 * PAGE, PROT_READ | PROT_WRITE);
	/* With the frames of the last thread, which nothing else enters. */
	legal = thread_tcs(service_tcs(&service, options.threads - 1) - service.enclave.base, 0);

	accepts("EACCEPT of a TCS of zeroes", NULL, false);
	tcs = legal;
	tcs.nssa = 0;
	accepts("EACCEPT of a TCS without frames", &tcs, false);
	accepts("EACCEPT of a TCS with frames", &legal, true);

	tcs = legal;
	tcs.flags = 1;
	refuses("EACCEPT with FLAGS.DBGOPTIN", &tcs);
	tcs = legal;
	tcs.flags = 1ul << 63;
	refuses("EACCEPT with reserved FLAGS", &tcs);
	tcs = legal;
	tcs.cssa = tcs.nssa;
	refuses("EACCEPT with CSSA = NSSA", &tcs);
	tcs = legal;
	tcs.nssa = 0;
	tcs.cssa = 1;
	refuses("EACCEPT with CSSA 1 and NSSA 0", &tcs);
	tcs = legal;
	tcs.aep = 1;
	refuses("EACCEPT with an AEP", &tcs);
	tcs = legal;
	tcs.state = 1;
	refuses("EACCEPT with a STATE", &tcs);
	return 0;
}
