/*
 * Pages before they are touched: MAP_POPULATE and MADV_WILLNEED.
 *
 * "When MAP_POPULATE is supported a usage needing deterministic behavior can
 * pre-fault all the EAUG pages while those usages mapping a lot of memory that
 * mostly will go unused are also supported" (seed 001). It was posted in March
 * 2022 and never merged: there the pages come, pending, and the enclave accepts
 * them without a fault; everywhere else both calls are taken and add nothing,
 * because the mapping is VM_IO and VM_PFNMAP.
 * Source: "x86/sgx: Implement EAUG population with MAP_POPULATE" and its
 * f_op->populate; Linux mm/gup.c, populate_vma_page_range's callers.
 *
 * Uapi: edmm-v1 edmm-v2 edmm-augment edmm-v3 v6.0
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "edmm.h"

#define PAGES 64

static struct service service;

/* Whether a page is there and waits for EACCEPT: no other page is not modifiable. */
static bool is_pending(uint64_t page)
{
	uint64_t result, count;

	check_errno("taking permissions from it", EFAULT,
		    edmm_restrict(&service.enclave, page, PAGE, SECINFO_R, &result, &count));
	return result == SGX_PAGE_NOT_MODIFIABLE;
}

static void check_range(const char *what, uint64_t start, bool present)
{
	for (uint64_t page = start; page < start + PAGES * PAGE; page += PAGE)
		check(what, is_pending(page) == present);
	for (uint64_t page = start; page < start + PAGES * PAGE; page += PAGE)
		check_equal("EACCEPT", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT, EDMM_RW | SECINFO_PENDING, page, 0));
}

int main(void)
{
	bool populates = strcmp(UAPI, "edmm-augment") == 0;
	uint64_t start, length = PAGES * PAGE;

	vdso_find();
	service_add(&service, NULL);
	start = service.room;
	service_map(&service);
	check_errno("MADV_WILLNEED before EINIT", populates ? EINVAL : 0,
		    madvise((void *)start, length, MADV_WILLNEED));
	enclave_init(&service.enclave);
	check("mmap with MAP_POPULATE",
	      mmap((void *)start, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE,
		   service.enclave.fd, 0) == (void *)start);
	check_range("MAP_POPULATE adds pages in the RFC of March 2022 only", start, populates);
	check_errno("MADV_WILLNEED", 0, madvise((void *)(start + length), length, MADV_WILLNEED));
	check_range("MADV_WILLNEED does the same", start + length, populates);
	check_errno("MADV_WILLNEED where the pages are", 0, madvise((void *)start, 2 * length, MADV_WILLNEED));
	check_errno("MADV_WILLNEED in the middle of a page", EINVAL,
		    madvise((void *)(start + 8), length, MADV_WILLNEED));
	return 0;
}
