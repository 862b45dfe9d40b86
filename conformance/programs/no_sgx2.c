/*
 * A machine with SGX1 only.
 *
 * Run: --no-sgx2
 *
 * Kernel: the ioctls of SGX2 are ENODEV before anything else is looked at, and an
 * access to an address without a page is a SIGBUS, which the vDSO reports as a
 * #PF on an address that is not present. Hardware: EACCEPT and the other leaves
 * of SGX2 are #GP, as every leaf is that the processor does not have; RDTSC is
 * #UD inside an enclave.
 * Source: Linux arch/x86/kernel/cpu/sgx/ioctl.c, sgx_ioc_sgx2_ready; encl.c,
 * sgx_vma_fault; SDM 3D, ENCLU ("invalid leaf number"); "RDTSC and RDTSCP
 * Instructions".
 */
#include <errno.h>
#include <sys/mman.h>

#include "check.h"
#include "service.h"

extern const char time_code[], time_code_end[];

__asm__(".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl time_code\n"
	"time_code:\n"
	"	rdtsc\n"
	"	jmp	*%r11\n"
	".balign 4096\n"
	".globl time_code_end\n"
	"time_code_end:\n"
	".popsection\n");

int main(void)
{
	struct service_options options = {
		.threads = 3,
		.code = time_code,
		.code_length = (uint64_t)(time_code_end - time_code),
	};
	static struct service service;
	struct call call;
	struct sgx_enclave_run run;

	service_build(&service, &options);
	check_errno("RESTRICT_PERMISSIONS", ENODEV,
		    ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, (void *)16));
	check_errno("MODIFY_TYPES", ENODEV,
		    ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, (void *)16));
	check_errno("REMOVE_PAGES", ENODEV,
		    ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_REMOVE_PAGES, (void *)16));

	call = (struct call){ .operation = OP_READ, .a = service.room };
	service_expect_exception(&service, 0, &call, "an access where there is no page", VECTOR_PF, &run);
	check_equal("error code", PFEC_U, run.exception_error_code);
	check_equal("address", service.room, run.exception_addr);

	call = (struct call){ .operation = OP_ENCLU, .a = EACCEPT, .b = service.data, .c = service.data };
	service_expect_exception(&service, 1, &call, "EACCEPT", VECTOR_GP, &run);
	call = (struct call){ .operation = OP_JUMP, .a = service.code };
	service_expect_exception(&service, 2, &call, "RDTSC inside an enclave", VECTOR_UD, &run);
	return 0;
}
