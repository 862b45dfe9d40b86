/*
 * The same instruction faults at the same address as often as it likes.
 *
 * Kernel: a fault is resolved or not, and nobody counts: allocators that add and
 * remove the page at one place all the time do this (sgx-emm's sgx_mm_commit and
 * sgx_mm_uncommit, Gramine's mmap with EDMM).
 * Source: Linux arch/x86/kernel/cpu/sgx/encl.c, sgx_vma_fault.
 */
#include "check.h"
#include "service.h"

#define ROUNDS 1100
#define PENDING (SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING)
#define TRIMMED (SECINFO_TRIM | SECINFO_MODIFIED)

int main(void)
{
	static struct service service;
	uint64_t count;

	service_build(&service, NULL);
	for (int round = 0; round < ROUNDS; round++) {
		check_equal("EACCEPT of a page that is not there", 0, service_accept(&service, 0, EACCEPT, PENDING, service.room, 0));
		check_errno("MODIFY_TYPES", 0, enclave_modify(&service.enclave, service.room, PAGE, PT_TRIM, NULL, &count));
		check_equal("EACCEPT of the trim", 0, service_accept(&service, 0, EACCEPT, TRIMMED, service.room, 0));
		check_errno("REMOVE_PAGES", 0, enclave_remove(&service.enclave, service.room, PAGE, &count));
	}
	return 0;
}
