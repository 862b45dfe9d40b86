/*
 * V1: one call, PAGE_MODP, for restricting and for relaxing.
 *
 * "After user space runs ENCLU[EMODPE] it" told the kernel by SGX_IOC_PAGE_MODP,
 * which "in this scenario resulted in EPCM.PR being set" so that an EACCEPT more
 * was needed (seed 004, changes since V1). Its prot are PROT_ bits; page tables
 * follow the permissions.
 * Source: V1 10/25 of 1 December 2021.
 *
 * Uapi: edmm-v1
 */
#include <errno.h>

#include "check.h"
#include "edmm.h"

static struct service service;

int main(void)
{
	uint64_t page, result, count;
	struct sgx_enclave_run run;

	service_build(&service, NULL);
	page = service.room;
	check_equal("EACCEPT", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, EDMM_RW | SECINFO_PENDING, page, 0));
	check_errno("PAGE_MODP to R", 0, edmm_restrict(&service.enclave, page, PAGE, SECINFO_R, &result, &count));
	check_equal("count", PAGE, count);
	check_equal("EACCEPT of the restriction", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, EDMM_R | SECINFO_PR, page, 0));

	struct call write_it = { .operation = OP_WRITE, .a = page, .b = 2 };

	service_expect_exception(&service, 0, &write_it, "a write to the restricted page", VECTOR_PF, &run);
	check_equal("error code: the page table's", PFEC_P | PFEC_W | PFEC_U, run.exception_error_code);
	service_accept(&service, 0, EMODPE, EDMM_RW, page, 0);
	check_errno("PAGE_MODP to RW", 0,
		    edmm_restrict(&service.enclave, page, PAGE, SECINFO_R | SECINFO_W, &result, &count));
	check_equal("result", 0, result);
	check_equal("EACCEPT, because PR was set", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, EDMM_RW | SECINFO_PR, page, 0));
	service_resume(&service, 0);
	check_equal("what was written", 2, service_do(&service, 0, OP_READ, page, 0, 0, 0));
	check_errno("PAGE_MODP beyond the maximum of RW", EPERM,
		    edmm_restrict(&service.enclave, page, PAGE, SECINFO_R | SECINFO_W | SECINFO_X, &result, &count));
	check_errno("PAGE_MODP to W without R", EINVAL,
		    edmm_restrict(&service.enclave, page, PAGE, SECINFO_W, &result, &count));
	return 0;
}
