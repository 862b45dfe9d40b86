/*
 * Permissions of a page change while the enclave runs.
 *
 * Hardware: EMODPR takes permissions away and sets PR; the new permissions hold
 * at once; EACCEPT with exactly them clears PR. EMODPE, from inside, gives
 * permissions. EMODPR on a page that is pending is SGX_PAGE_NOT_MODIFIABLE.
 * Kernel: RESTRICT_PERMISSIONS runs EMODPR and ETRACK; the code of a failing
 * EMODPR is in result and the errno is EFAULT. EMODPR cannot give: asking for
 * more is ignored.
 * Source: SDM 3D, EMODPR, EMODPE, EACCEPT; Linux arch/x86/kernel/cpu/sgx/ioctl.c,
 * sgx_enclave_restrict_permissions.
 */
#include <errno.h>

#include "check.h"
#include "service.h"

#define R (SECINFO_REG | SECINFO_R)
#define RW (R | SECINFO_W)
#define RWX (RW | SECINFO_X)
#define PAGES 8

static struct service service;

/* Tries an access that must fault with an EPCM violation, then gives the page
 * what it lacks by EMODPE and lets the access happen. */
static void refused_until_relaxed(struct call *call, unsigned access, uint64_t page, uint64_t relaxed)
{
	struct sgx_enclave_run run;

	service_expect_exception(&service, 0, call, "an access that the EPCM forbids", VECTOR_PF, &run);
	check_equal("error code", PFEC_SGX | PFEC_U | PFEC_P | access, run.exception_error_code);
	check_equal("address", page, run.exception_addr);
	service_accept(&service, 0, EMODPE, relaxed, page, 0);
	service_resume(&service, 0);
}

int main(void)
{
	/* mov eax, 77; jmp *r11 */
	static const uint8_t code[] = { 0xb8, 77, 0, 0, 0, 0x41, 0xff, 0xe3 };
	uint64_t page, result, count;

	service_build(&service, NULL);
	page = service.room;
	for (int i = 0; i < PAGES; i++)
		check_equal("EACCEPT", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, page + (uint64_t)i * PAGE, 0));
	service_do(&service, 0, OP_FILL, page, 5, PAGES, 0);

	/* Restrict, as a range. */
	check_errno("RESTRICT_PERMISSIONS to R", 0,
		    enclave_restrict(&service.enclave, page, PAGES * PAGE, SECINFO_R, &result, &count));
	check_equal("result", 0, result);
	check_equal("count", PAGES * PAGE, count);
	check_equal("pages with other contents", 0,
		    service_do(&service, 0, OP_VERIFY, page, 5, PAGES, 0));
	check_equal("EACCEPT with other permissions than the page has", SGX_PAGE_ATTRIBUTES_MISMATCH,
		    service_accept(&service, 0, EACCEPT, RW | SECINFO_PR, page, 0));
	for (int i = 0; i < PAGES; i++)
		check_equal("EACCEPT of the restriction", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT, R | SECINFO_PR, page + (uint64_t)i * PAGE, 0));

	/* A write is refused, and works when the enclave has relaxed the page. */
	struct call write_it = { .operation = OP_WRITE, .a = page + 16, .b = 4711 };

	refused_until_relaxed(&write_it, PFEC_W, page, RW);
	check_equal("what was written", 4711, service_do(&service, 0, OP_READ, page + 16, 0, 0, 0));

	/* So with an execution. */
	service_do(&service, 0, OP_COPY, page, (uint64_t)code, sizeof code, 0);

	struct call run_it = { .operation = OP_JUMP, .a = page };

	refused_until_relaxed(&run_it, PFEC_I, page, RWX);
	check_equal("what the code in the page returned", 77, run_it.result);

	/* EMODPR does not give what is not there. */
	check_errno("RESTRICT_PERMISSIONS of a readable page to RWX", 0,
		    enclave_restrict(&service.enclave, page + PAGE, PAGE, SECINFO_R | SECINFO_W | SECINFO_X,
				     &result, &count));
	check_equal("EACCEPT as R, which it still is", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, R | SECINFO_PR, page + PAGE, 0));

	/* A page that is pending: accessed from inside, never accepted. */
	struct call touch = { .operation = OP_READ, .a = page + PAGES * PAGE };
	struct sgx_enclave_run run;

	service_expect_exception(&service, 0, &touch, "an access to a pending page", VECTOR_PF, &run);
	check_errno("RESTRICT_PERMISSIONS of a pending page", EFAULT,
		    enclave_restrict(&service.enclave, page + PAGES * PAGE, PAGE, SECINFO_R, &result, &count));
	check_equal("result", SGX_PAGE_NOT_MODIFIABLE, result);
	check_equal("count", 0, count);
	return 0;
}
