/*
 * EACCEPT of a page that the page tables do not show.
 *
 * Hardware: the page is a memory operand, so the page walk comes before the
 * EPCM: where nothing is mapped, or mapped without any right, EACCEPT faults and
 * the page is as it was, whether it is new, restricted or trimmed.
 * Source: SDM 3D, EACCEPT ("EACCEPT Memory Parameter Semantics", "EACCEPT Faulting
 * Conditions").
 */
#include <sys/mman.h>

#include "check.h"
#include "service.h"

#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
#define PAGES 16

static struct service service;

static void expect_fault(const char *what, uint64_t flags, uint64_t page)
{
	struct sgx_enclave_run run;
	struct secinfo secinfo = { .flags = flags };
	struct call call = { .operation = OP_ENCLU, .a = EACCEPT, .b = service.data, .c = page };
	struct call skip = { .operation = OP_EXCEPTION, .a = 3 };

	service_do(&service, 0, OP_COPY, service.data, (uint64_t)&secinfo, sizeof secinfo, 0);
	service_expect_exception(&service, 0, &call, what, VECTOR_PF, &run);
	check_equal(what, PFEC_U, run.exception_error_code);
	check_equal(what, page, run.exception_addr);
	service_call(&service, 0, &skip);
	service_resume(&service, 0);
}

static void accept(const char *what, uint64_t flags, uint64_t page)
{
	check_equal(what, 0, service_accept(&service, 0, EACCEPT, flags, page, 0));
}

static void protect(uint64_t page, unsigned count, int protection)
{
	if (mprotect((void *)page, count * PAGE, protection) != 0)
		die("mprotect");
}

/* A row of EACCEPTs, half way through which the rest of the pages cannot be
 * reached: first because the mapping has no right, then because it is gone. */
static void row(const char *what, uint64_t flags, uint64_t start)
{
	uint64_t half = start + PAGES / 2 * PAGE;

	for (uint64_t page = start; page < half; page += PAGE)
		accept(what, flags, page);
	protect(half, PAGES / 2, PROT_NONE);
	for (int i = 0; i < 3; i++)
		expect_fault(what, flags, half + (uint64_t)i * PAGE);
	munmap((void *)half, PAGES / 2 * PAGE);
	for (int i = 0; i < 3; i++)
		expect_fault(what, flags, half + (uint64_t)i * PAGE);
	if (mmap((void *)half, PAGES / 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, service.enclave.fd, 0) == MAP_FAILED)
		die("mmap");
	for (uint64_t page = half; page < start + PAGES * PAGE; page += PAGE)
		accept(what, flags, page);
}

int main(void)
{
	uint64_t restricted, trimmed;

	service_build(&service, NULL);
	restricted = service.room;
	trimmed = service.room + PAGES * PAGE;
	row("EACCEPT of a page that is added", RW | SECINFO_PENDING, restricted);
	row("EACCEPT of a page that is added", RW | SECINFO_PENDING, trimmed);
	check_equal("RESTRICT_PERMISSIONS", 0, (uint64_t)enclave_restrict(&service.enclave, restricted, PAGES * PAGE, SECINFO_R, NULL, NULL));
	row("EACCEPT of a restricted page", SECINFO_REG | SECINFO_R | SECINFO_PR, restricted);
	check_equal("MODIFY_TYPES", 0, (uint64_t)enclave_modify(&service.enclave, trimmed, PAGES * PAGE, PT_TRIM, NULL, NULL));
	row("EACCEPT of a trimmed page", SECINFO_TRIM | SECINFO_MODIFIED, trimmed);
	check_equal("REMOVE_PAGES", 0, (uint64_t)enclave_remove(&service.enclave, trimmed, PAGES * PAGE, NULL));
	return 0;
}
