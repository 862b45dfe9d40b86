/*
 * Codes that leaves give where others work on the same page or an epoch has not
 * ended, which one thread alone never meets, by order (injected_leaves.run, by
 * the option --inject): the enclave or the host asks again and gets on. A batch
 * of pages that is written out at any time, and pages that take long to load,
 * change nothing.
 *
 * A page whose ELDU gives SGX_MAC_COMPARE_FAIL is lost, as where a bit of what
 * was written out has changed: SIGBUS, which the vDSO tells as #PF.
 * Source: SDM 3D, EACCEPT, EMODPR, EGETKEY, ELDU; arch/x86/kernel/cpu/sgx/ioctl.c,
 * sgx_enclave_restrict_permissions (result); main.c, SGX_NR_TO_SCAN.
 *
 * injected_leaves codes    by order: the second EACCEPT gives SGX_NOT_TRACKED, the
 *                          first EMODPR SGX_EPC_PAGE_CONFLICT
 * injected_leaves paging   by order: pages are written out and load slowly
 * injected_leaves spoilt   by order: the first ELDU gives SGX_MAC_COMPARE_FAIL
 */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "service.h"

#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
#define HEAP (256 * PAGE)

static struct service service;

static void codes(void)
{
	uint64_t result = 99, count = 99;

	check_equal("the first EACCEPT", 0, service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, service.room, 0));
	check_equal("the second", SGX_NOT_TRACKED, service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, service.room + PAGE, 0));
	check_equal("the second again", 0, service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, service.room + PAGE, 0));

	check_equal("SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS", (uint64_t)-1,
		    (uint64_t)enclave_restrict(&service.enclave, service.heap, 2 * PAGE, SECINFO_R, &result, &count));
	check_equal("errno", EFAULT, (uint64_t)errno);
	check_equal("result", SGX_EPC_PAGE_CONFLICT, result);
	check_equal("count", 0, count);
	check_equal("once more", 0, (uint64_t)enclave_restrict(&service.enclave, service.heap, 2 * PAGE, SECINFO_R, &result, &count));
	check_equal("EACCEPT of that", 0, service_accept(&service, 0, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_PR, service.heap, 0));
}

static void paging(void)
{
	for (unsigned i = 0; i < 3; i++) {
		service_do(&service, 0, OP_FILL, service.heap, 0x1234 + i, HEAP / PAGE, 0);
		check_equal("pages with other contents", 0, service_do(&service, 0, OP_VERIFY, service.heap, 0x1234 + i, HEAP / PAGE, 0));
	}
}

/* Whose page it is that is lost is the order of evictions: one of the heap, or the TCS at EENTER. */
static void spoilt(void)
{
	struct call call = { .operation = OP_FILL, .a = service.heap, .b = 0x1234, .c = HEAP / PAGE };
	struct sgx_enclave_run run = { .function = EEXIT };

	for (unsigned i = 0; i < 8 && run.function == EEXIT; i++)
		check_equal("what the vDSO's function returns", 0,
			    (uint64_t)service_try(&service, service_tcs(&service, 0), &call, EENTER, &run));
	check("a page was lost", run.function != EEXIT);
	check_equal("exception vector", VECTOR_PF, run.exception_vector);
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "codes";

	service_build(&service, &(struct service_options){ .heap_length = HEAP });
	if (strcmp(what, "paging") == 0)
		paging();
	else if (strcmp(what, "spoilt") == 0)
		spoilt();
	else
		codes();
	return 0;
}
