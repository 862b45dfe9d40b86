/*
 * V3: the kernel no longer tracks permissions of pages.
 *
 * "User space will receive #PF with SGX error code in cases where the V2
 * implementation would have resulted in regular (non-SGX) page fault error code";
 * RELAX_PERMISSIONS is gone: "only ENCLU[EMODPE] from within enclave is needed".
 * "Maximum allowed permissions of dynamically added pages is RWX, previously
 * limited to RW"; mmap and mprotect of them with RWX "would no longer be
 * blocked", and "PROT_EXEC on dynamically added pages will be possible after
 * running ENCLU[EMODPE]".
 * Source: cover letter of V3, 4 April 2022 (seed 004).
 *
 * Uapi: edmm-v3 v6.0
 */
#include <errno.h>
#include <sys/mman.h>

#include "check.h"
#include "edmm.h"

static struct service service;

int main(void)
{
	/* mov eax, 77; jmp *r11 */
	static const uint8_t code[] = { 0xb8, 77, 0, 0, 0, 0x41, 0xff, 0xe3 };
	uint64_t page, result, count, relax[4] = { 0, PAGE, 0, 0 };
	struct sgx_enclave_run run;

	service_build(&service, NULL);
	page = service.room;
	check_equal("EACCEPT", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, EDMM_RW | SECINFO_PENDING, page, 0));
	check_errno("RESTRICT_PERMISSIONS to R", 0,
		    edmm_restrict(&service.enclave, page, PAGE, SECINFO_R, &result, &count));
	check_equal("EACCEPT of the restriction", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, EDMM_R | SECINFO_PR, page, 0));

	struct call write_it = { .operation = OP_WRITE, .a = page, .b = 2 };

	service_expect_exception(&service, 0, &write_it, "a write to the restricted page", VECTOR_PF, &run);
	check_equal("error code: the EPCM's, with the SGX bit", PFEC_SGX | PFEC_P | PFEC_W | PFEC_U,
		    run.exception_error_code);
	check_errno("RELAX_PERMISSIONS of V2", ENOTTY, ioctl(service.enclave.fd, 0xc020a405, relax));
	service_accept(&service, 0, EMODPE, EDMM_RW, page, 0);
	service_resume(&service, 0);
	check_equal("what was written", 2, service_do(&service, 0, OP_READ, page, 0, 0, 0));

	/* Execution, by the enclave's own decision. */
	service_do(&service, 0, OP_COPY, page, (uint64_t)code, sizeof code, 0);
	check_errno("mprotect to RW", 0, mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE));
	check_errno("mprotect back to RWX", 0, mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));

	struct call run_it = { .operation = OP_JUMP, .a = page };

	service_expect_exception(&service, 0, &run_it, "a jump into it before EMODPE", VECTOR_PF, &run);
	check_equal("error code: the EPCM's", PFEC_SGX | PFEC_P | PFEC_I | PFEC_U, run.exception_error_code);
	service_accept(&service, 0, EMODPE, EDMM_RWX, page, 0);
	service_resume(&service, 0);
	check_equal("what the code in the page returned", 77, run_it.result);
	return 0;
}
