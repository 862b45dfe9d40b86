/*
 * The enclave's memory from outside: reads give 0xff, writes vanish.
 *
 * Run: --isolation=strict
 *
 * Hardware: an access to an EPC page from outside its enclave gets abort-page
 * semantics. Kernel: the access still goes through the page fault handler, so
 * a page that is not there yet is added (EAUG) by it, and one whose mapping
 * forbids the access still faults.
 * Source: SDM 3D, "Access-control Requirements" (non-enclave accesses);
 * Linux arch/x86/kernel/cpu/sgx/encl.c, sgx_vma_fault.
 */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "service.h"

static sigjmp_buf back;

static void on_fault(int signal)
{
	siglongjmp(back, signal);
}

static void expect_abort_page(const char *what, uint64_t address)
{
	uint8_t ones[64], seen[64];

	memset(ones, 0xff, sizeof ones);
	/* Reads of each width, and of a run of bytes. */
	check_equal(what, 0xff, *(volatile uint8_t *)address);
	check_equal(what, 0xffff, *(volatile uint16_t *)(address + 2));
	check_equal(what, 0xffffffff, *(volatile uint32_t *)(address + 4));
	check_equal(what, ~0ul, *(volatile uint64_t *)(address + 8));
	memcpy(seen, (void *)(address + 128), sizeof seen);
	check_bytes(what, ones, seen, sizeof ones);
}

int main(void)
{
	static struct service service;
	struct sigaction action = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	volatile uint64_t *data;

	service_build(&service, NULL);
	data = (volatile uint64_t *)service.data;
	service_do(&service, 0, OP_WRITE, service.data, 0x123456789, 0, 0);

	for (int round = 0; round < 3; round++) {
		expect_abort_page("a read of a data page", service.data);
		*data = 42;
		data[1]++;
		memset((void *)(service.data + 64), 0, 128);
		expect_abort_page("a read of a data page after writing to it", service.data);
		check_equal("the data page, read inside", 0x123456789,
			    service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	}
	expect_abort_page("a read of the TCS", service_tcs(&service, 0));
	expect_abort_page("a read of a code page", service.enclave.base);
	expect_abort_page("a read of an SSA frame", service_tcs(&service, 0) + THREAD_SSA);

	/* A page that did not exist: the fault adds it, pending; what is read is
	 * the abort page all the same. */
	expect_abort_page("a read of a page that is added by it", service.room);
	check_equal("EACCEPT of the page so added", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT,
				   SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING, service.room, 0));

	/* The mapping's protection still holds. */
	sigaction(SIGSEGV, &action, NULL);
	if (mprotect((void *)service.data, PAGE, PROT_READ) != 0)
		die("mprotect");
	if (sigsetjmp(back, 1) == 0) {
		*data = 1;
		check("a write through a mapping for reading faults", false);
	}
	expect_abort_page("a read of a data page mapped for reading", service.data);
	return 0;
}
