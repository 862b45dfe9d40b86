/*
 * EACCEPT of one page after the other, as allocators do it, seen from all sides
 * while it goes on.
 *
 * Hardware and kernel: a page that nobody accepted or touched is not there,
 * however many before it were accepted: the host's ioctls find no page (EFAULT),
 * and an access from inside is a #PF with the SGX bit until EACCEPT. EACCEPT
 * succeeds once; SGX_PAGE_ATTRIBUTES_MISMATCH is the answer to a second one and
 * to other permissions. What EMODPR and EMODT did to a row of pages is accepted
 * page by page the same way. Threads and enclaves do not disturb each other.
 * Source: SDM 3D, EACCEPT, EMODPR, EMODT; Linux arch/x86/kernel/cpu/sgx/ioctl.c
 * and encl.c, sgx_encl_eaug_page.
 *
 * Run: --epc 128M
 * Run: --epc 3M
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
#define PAGES 300
#define THREADS 3

static struct service service;

static void accept_one(unsigned thread, uint64_t page)
{
	check_equal("EACCEPT of the next page", SGX_SUCCESS,
		    service_accept(&service, thread, EACCEPT, RW | SECINFO_PENDING, page, 0));
}

/* Some of these accept the page, the last looks. */
static void look_at_next(uint64_t page, uint64_t step)
{
	uint64_t count = 99;
	struct call call = { .operation = OP_READ, .a = page + 8, .result = 99 };
	struct sgx_enclave_run run;

	switch (step) {
	case 0:
		check_errno("MODIFY_TYPES of a page that is not there", EFAULT,
			    enclave_modify(&service.enclave, page, PAGE, PT_TRIM, NULL, &count));
		check_equal("its count", 0, count);
		break;
	case 1:
		check_equal("EACCEPT with other permissions", SGX_PAGE_ATTRIBUTES_MISMATCH,
			    service_accept(&service, 0, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_PENDING,
					   page, 0));
		break;
	case 2:
		service_expect_exception(&service, 0, &call, "a read of a page nobody accepted", VECTOR_PF,
					 &run);
		check_equal("error code", PFEC_SGX | PFEC_U | PFEC_P, run.exception_error_code);
		accept_one(0, page);
		service_resume(&service, 0);
		check_equal("what is in a new page", 0, call.result);
		check_equal("EACCEPT again", SGX_PAGE_ATTRIBUTES_MISMATCH,
			    service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, page, 0));
		break;
	case 3:
		check_errno("REMOVE_PAGES of a page that is not there", EFAULT,
			    enclave_remove(&service.enclave, page, PAGE, &count));
		break;
	default:
		/* A hole in the mapping takes the page out of reach. */
		if (munmap((void *)page, PAGE) != 0)
			die("munmap");
		call = (struct call){ .operation = OP_ENCLU, .a = EACCEPT, .b = service.data + PAGE - 64, .c = page };
		service_expect_exception(&service, 0, &call, "EACCEPT where nothing is mapped", VECTOR_PF, &run);
		enclave_map(&service.enclave, page - service.enclave.base, PAGE,
			    PROT_READ | PROT_WRITE | PROT_EXEC);
		service_resume(&service, 0);
		check_equal("EACCEPT where something is mapped again", SGX_SUCCESS, call.result);
		break;
	}
}

static void row_with_looks(void)
{
	uint64_t page = service.room;

	for (uint64_t step = 0; step < 5; step++) {
		for (int i = 0; i < 40; i++, page += PAGE)
			accept_one(0, page);
		look_at_next(page, step);
		if (step == 2 || step == 4)
			page += PAGE;
	}
	service_do(&service, 0, OP_FILL, service.room, 1, (page - service.room) / PAGE, 0);
	check_equal("pages with other contents", 0,
		    service_do(&service, 0, OP_VERIFY, service.room, 1, (page - service.room) / PAGE, 0));
}

static void restrict_and_trim(void)
{
	uint64_t count = 0, pages = 100;

	check_equal("RESTRICT_PERMISSIONS", 0,
		    (uint64_t)enclave_restrict(&service.enclave, service.room, pages * PAGE, SECINFO_R, NULL, &count));
	check_equal("its count", pages * PAGE, count);
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t page = service.room + i * PAGE;

		check_equal("EACCEPT with the permissions of before", SGX_PAGE_ATTRIBUTES_MISMATCH,
			    service_accept(&service, 0, EACCEPT, RW | SECINFO_PR, page, 0));
		check_equal("EACCEPT of the restriction", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_PR, page, 0));
	}
	check_equal("what the pages hold", 0, service_do(&service, 0, OP_VERIFY, service.room, 1, pages, 0));

	check_equal("MODIFY_TYPES to TRIM", 0,
		    (uint64_t)enclave_modify(&service.enclave, service.room, pages * PAGE, PT_TRIM, NULL, &count));
	for (uint64_t i = 0; i + 1 < pages; i++)
		check_equal("EACCEPT of the trimming", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT, SECINFO_TRIM | SECINFO_MODIFIED,
					   service.room + i * PAGE, 0));
	check_errno("REMOVE_PAGES with one that was not accepted", EPERM,
		    enclave_remove(&service.enclave, service.room, pages * PAGE, &count));
	check_equal("the pages that were removed", (pages - 1) * PAGE, count);
	accept_one(0, service.room);
	check_equal("what a page has that was removed and added again", 0,
		    service_do(&service, 0, OP_READ, service.room, 0, 0, 0));
}

static void *row_of_a_thread(void *argument)
{
	unsigned thread = (unsigned)(uint64_t)argument;
	uint64_t start = service.room + (1000 + 1000 * thread) * PAGE;

	for (uint64_t i = 0; i < PAGES; i++)
		accept_one(thread, start + i * PAGE);
	service_do(&service, thread, OP_FILL, start, thread, PAGES, 0);
	check_equal("pages of a thread with other contents", 0,
		    service_do(&service, thread, OP_VERIFY, start, thread, PAGES, 0));
	return NULL;
}

static void threads(void)
{
	pthread_t all[THREADS];

	for (uint64_t i = 0; i < THREADS; i++)
		if (pthread_create(&all[i], NULL, row_of_a_thread, (void *)i) != 0)
			die("start a thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(all[i], NULL);
}

static void forked(void)
{
	uint64_t start = service.room + 5000 * PAGE;
	int status;
	pid_t child;

	for (uint64_t i = 0; i < 50; i++)
		accept_one(0, start + i * PAGE);
	child = fork();
	if (child == 0)
		_exit(0);
	for (uint64_t i = 50; i < 100; i++)
		accept_one(0, start + i * PAGE);
	if (waitpid(child, &status, 0) != child || status != 0)
		die("wait for the child");
	check_equal("pages with other contents after a fork", 0,
		    (service_do(&service, 0, OP_FILL, start, 5, 100, 0),
		     service_do(&service, 0, OP_VERIFY, start, 5, 100, 0)));
}

int main(void)
{
	struct service_options options = { .threads = THREADS, .size = 64ul << 20 };

	for (int i = 0; i < 3; i++) {
		service_build(&service, &options);
		row_with_looks();
		restrict_and_trim();
		threads();
		forked();
		enclave_destroy(&service.enclave);
	}
	return 0;
}
