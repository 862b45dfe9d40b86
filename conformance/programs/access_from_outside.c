/*
 * The host touches an address of the enclave where there is no page.
 *
 * Kernel: the page fault handler adds the page (EAUG), whoever touches it; the
 * access then goes through, once, without a signal. Hardware: what it reads is
 * the abort page, what it writes vanishes; the page stays pending, full of zeros,
 * until the enclave accepts it.
 * Source: Linux arch/x86/kernel/cpu/sgx/encl.c, sgx_vma_fault; SDM 3D,
 * "Access-control Requirements"; EAUG.
 *
 * What is read depends on --isolation and is abort_page's concern.
 */
#include "check.h"
#include "service.h"

#define PENDING (SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING)

int main(void)
{
	static struct service service;

	service_build(&service, NULL);
	for (uint64_t i = 0; i < 8; i++) {
		uint64_t page = service.room + i * PAGE;

		if (i % 2 == 0)
			(void)*(volatile uint64_t *)(page + 64);
		else
			(void)*(volatile uint8_t *)(page + PAGE - 1);
		check_equal("EACCEPT of a page that the host had added", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT, PENDING, page, 0));
		check_equal("what the page holds", 0, service_do(&service, 0, OP_READ, page + 64, 0, 0, 0));
	}
	return 0;
}
