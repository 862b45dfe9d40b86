/*
 * V2: page tables follow the permissions that the kernel tracks.
 *
 * RESTRICT_PERMISSIONS takes the page-table entry away and a new one has only
 * what is left, so a write faults as an ordinary one ("a regular (non-SGX) page
 * fault error code", seed 004 of V2). EMODPE alone changes nothing for the
 * page table: "EAUG->EACCEPTCOPY->SGX_IOC_ENCLAVE_RELAX_PERMISSIONS is required",
 * and that "will return EPERM if an attempt is made to relax permissions beyond"
 * vm_max_prot_bits, which for pages added at run time is "RW permissions as
 * runtime as well as maximum" (seeds 000, 001).
 *
 * Uapi: edmm-v2
 */
#include <errno.h>
#include <sys/mman.h>

#include "check.h"
#include "edmm.h"

static struct service service;

static int relax(uint64_t page, uint64_t permissions, uint64_t *count)
{
	struct secinfo secinfo = { .flags = permissions };
	struct sgx_enclave_relax_perm argument = {
		.offset = page - service.enclave.base,
		.length = PAGE,
		.secinfo = (uint64_t)&secinfo,
	};
	int status = ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_RELAX_PERMISSIONS, &argument);

	*count = argument.count;
	return status;
}

int main(void)
{
	uint64_t page, result, count;
	struct sgx_enclave_run run;

	service_build(&service, NULL);
	page = service.room;
	check_equal("EACCEPT", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, EDMM_RW | SECINFO_PENDING, page, 0));
	service_do(&service, 0, OP_WRITE, page, 1, 0, 0);

	check_errno("RESTRICT_PERMISSIONS to R", 0,
		    edmm_restrict(&service.enclave, page, PAGE, SECINFO_R, &result, &count));
	check_equal("count", PAGE, count);
	check_equal("EACCEPT of the restriction", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, EDMM_R | SECINFO_PR, page, 0));

	struct call write_it = { .operation = OP_WRITE, .a = page, .b = 2 };

	service_expect_exception(&service, 0, &write_it, "a write to the restricted page", VECTOR_PF, &run);
	check_equal("error code: the page table's, without the SGX bit", PFEC_P | PFEC_W | PFEC_U,
		    run.exception_error_code);
	check_equal("address", page, run.exception_addr);

	/* The enclave relaxes; the kernel does not know. */
	service_accept(&service, 0, EMODPE, EDMM_RW, page, 0);
	check_equal("ERESUME without RELAX_PERMISSIONS", 0,
		    (uint64_t)service_try(&service, service_tcs(&service, 0), NULL, ERESUME, &run));
	check_equal("it faults again", VECTOR_PF, run.exception_vector);
	check_equal("error code", PFEC_P | PFEC_W | PFEC_U, run.exception_error_code);
	check_errno("RELAX_PERMISSIONS to RW", 0, relax(page, SECINFO_R | SECINFO_W, &count));
	check_equal("count", PAGE, count);
	service_resume(&service, 0);
	check_equal("what was written", 2, service_do(&service, 0, OP_READ, page, 0, 0, 0));

	/* Beyond the maximum. */
	check_errno("RELAX_PERMISSIONS of a page added at run time to RWX", EPERM,
		    relax(page, SECINFO_R | SECINFO_W | SECINFO_X, &count));
	check_equal("count", 0, count);
	service_accept(&service, 0, EMODPE, EDMM_RWX, page, 0);

	struct call run_it = { .operation = OP_JUMP, .a = page };

	service_expect_exception(&service, 0, &run_it, "a jump into it all the same", VECTOR_PF, &run);
	check_equal("error code: the page table's", PFEC_P | PFEC_I | PFEC_U, run.exception_error_code);
	service_abandon(&service, 0);

	/* And restricting beyond the maximum is EPERM too (V2 16/32). */
	check_errno("RESTRICT_PERMISSIONS to RWX", EPERM,
		    edmm_restrict(&service.enclave, page, PAGE, SECINFO_R | SECINFO_W | SECINFO_X, &result, &count));
	check_errno("mprotect to RWX of a page of RW", EACCES,
		    mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
	return 0;
}
