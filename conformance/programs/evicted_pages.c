/*
 * An enclave three times as large as the EPC: its pages are evicted and come
 * back with what they held.
 *
 * Run: --epc 8M
 *
 * Hardware and kernel: EWB encrypts a page to ordinary memory and ELDU brings it
 * back, verified; the driver evicts the pages used least and loads them in the
 * page fault. A program sees nothing of it but time.
 * Source: SDM 3D, EWB, ELDU; Linux arch/x86/kernel/cpu/sgx/main.c, ksgxd and
 * sgx_reclaim_pages.
 */
#include <cpuid.h>

#include "check.h"
#include "service.h"

static uint64_t epc_size(void)
{
	uint32_t a, b, c, d;

	__cpuid_count(0x12, 2, a, b, c, d);
	(void)b;
	return a == 0 ? 0 : (c & 0xfffff000ul) | (uint64_t)(d & 0xfffff) << 32;
}

int main(void)
{
	static struct service service;
	uint64_t heap, length = 3 * epc_size();

	check("the machine has an EPC", length != 0);
	service_build(&service, &(struct service_options){ .size = 64ul << 20, .heap_length = length });
	heap = service.heap;
	check_equal("a page never written", 0, service_do(&service, 0, OP_READ, heap + length - 8, 0, 0, 0));
	service_do(&service, 0, OP_FILL, heap, 12345, length / PAGE, 0);
	for (int round = 0; round < 2; round++)
		check_equal("pages with other contents than before", 0,
			    service_do(&service, 0, OP_VERIFY, heap, 12345, length / PAGE, 0));
	/* A part of it changes; the rest must not. */
	service_do(&service, 0, OP_FILL, heap + length / 2, 777, 64, 0);
	check_equal("changed pages", 0, service_do(&service, 0, OP_VERIFY, heap + length / 2, 777, 64, 0));
	check_equal("pages that changed", 64,
		    service_do(&service, 0, OP_VERIFY, heap, 12345, length / PAGE, 0));
	return 0;
}
