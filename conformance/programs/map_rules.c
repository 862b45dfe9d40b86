/*
 * mmap and mprotect of an enclave.
 *
 * Kernel: a mapping may not have a permission that a page in it was not added
 * with (a TCS counts as read and write; a page that is not there allows all);
 * after INIT it must lie inside the enclave; MAP_PRIVATE is EINVAL, a task with
 * READ_IMPLIES_EXEC is refused. The file offset means nothing. A mapping made
 * before its pages were added, with more permissions than they have, gives
 * SIGBUS on access; so does one without an enclave behind it.
 * Source: Linux arch/x86/kernel/cpu/sgx/encl.c, sgx_encl_may_map,
 * sgx_encl_load_page_in_vma; driver.c, sgx_mmap, sgx_get_unmapped_area;
 * Documentation/arch/x86/sgx.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define R PROT_READ
#define W PROT_WRITE
#define X PROT_EXEC

static struct service service;
static sigjmp_buf back;

static void on_fault(int signal)
{
	siglongjmp(back, signal);
}

static int try_map(const struct enclave *enclave, uint64_t address, uint64_t length, int protection)
{
	void *map = mmap((void *)address, length, protection, MAP_SHARED | MAP_FIXED, enclave->fd, 0);

	return map == MAP_FAILED ? -1 : 0;
}

static void expect_map(const char *what, int error, uint64_t address, uint64_t length, int protection)
{
	check_errno(what, error, try_map(&service.enclave, address, length, protection));
}

static void expect_protect(const char *what, int error, uint64_t address, uint64_t length, int protection)
{
	check_errno(what, error, mprotect((void *)address, length, protection));
}

static void expect_signal(const char *what, int signal, uint64_t address)
{
	int caught = sigsetjmp(back, 1);

	if (caught == 0)
		(void)*(volatile uint8_t *)address;
	check_equal(what, (uint64_t)signal, (uint64_t)caught);
}

static void before_initialisation(void)
{
	struct sigaction action = { .sa_handler = on_fault };
	int fd = open("/dev/sgx_enclave", O_RDWR);
	uint8_t *map;
	static struct service early;

	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	if (fd < 0)
		die("open /dev/sgx_enclave");
	map = mmap(NULL, PAGE, R | W, MAP_PRIVATE, fd, 0);
	check_errno("a private mapping", EINVAL, map == MAP_FAILED ? -1 : 0);
	map = mmap(NULL, 4 * PAGE, R | W | X, MAP_SHARED, fd, 0);
	check_errno("a mapping of no enclave", 0, map == MAP_FAILED ? -1 : 0);
	expect_signal("an access to a mapping of no enclave", SIGBUS, (uint64_t)map);
	munmap(map, 4 * PAGE);
	close(fd);

	/* Mapped first, added then, with less than the mapping has. */
	service_add(&early, NULL);
	check_errno("RWX where nothing was added yet", 0, try_map(&early.enclave, early.room, PAGE, R | W | X));
	expect_signal("an access before INIT where there is no page", SIGBUS, early.room);
	enclave_add_unmeasured(&early.enclave, early.room - early.enclave.base, PAGE, SECINFO_REG | SECINFO_R);
	expect_signal("an access to a page with less permissions than its mapping", SIGBUS, early.room);
	check_errno("R where it was added so", 0, try_map(&early.enclave, early.room, PAGE, R));
	check_errno("a range outside the enclave, before INIT", 0,
		    try_map(&early.enclave, enclave_reserve(0, PAGE), PAGE, R | W));
	enclave_destroy(&early.enclave);
}

int main(void)
{
	struct enclave *enclave = &service.enclave;
	uint64_t outside;

	before_initialisation();
	service_add(&service, NULL);
	enclave_init(enclave);

	expect_map("a code page as RX", 0, enclave->base, PAGE, R | X);
	expect_map("a code page as RWX", EACCES, enclave->base, PAGE, R | W | X);
	expect_map("a code page as RW", EACCES, enclave->base, PAGE, R | W);
	expect_map("a code page as nothing", 0, enclave->base, PAGE, PROT_NONE);
	expect_map("a data page as RW", 0, service.data, PAGE, R | W);
	expect_map("a data page as RWX", EACCES, service.data, PAGE, R | W | X);
	expect_map("a TCS as RW", 0, service.threads, PAGE, R | W);
	expect_map("a TCS as RX", EACCES, service.threads, PAGE, R | X);
	expect_map("code and data together as R", 0, enclave->base, 2 * PAGE, R);
	expect_map("code and data together as RX", EACCES, enclave->base, 2 * PAGE, R | X);
	expect_map("code and data together as RW", EACCES, enclave->base, 2 * PAGE, R | W);
	expect_map("pages that are not there as RWX", 0, service.room, 4 * PAGE, R | W | X);

	/* A MAP_FIXED that was refused may have taken the old mapping with it. */
	vdso_find();
	service_map(&service);
	expect_protect("code and data together to nothing", 0, enclave->base, 2 * PAGE, PROT_NONE);
	expect_protect("a code page to RX", 0, enclave->base, PAGE, R | X);
	expect_protect("a code page to RWX", EACCES, enclave->base, PAGE, R | W | X);
	expect_protect("a data page to RW", 0, service.data, PAGE, R | W);
	expect_protect("a data page to RX", EACCES, service.data, PAGE, R | X);
	expect_protect("pages that are not there to R", 0, service.room, 4 * PAGE, R);
	expect_protect("pages that are not there to RWX", 0, service.room, 4 * PAGE, R | W | X);

	outside = enclave_reserve(0, PAGE);
	expect_map("outside the enclave", EACCES, outside, PAGE, R);
	expect_map("across the end of the enclave", EACCES, enclave->base + enclave->size - PAGE, 2 * PAGE, R);
	check_errno("a mapping with another file offset", 0,
		    mmap((void *)service.data, PAGE, R | W, MAP_SHARED | MAP_FIXED, enclave->fd,
			 (off_t)(100 * PAGE)) == MAP_FAILED ? -1 : 0);

	personality(READ_IMPLIES_EXEC);
	expect_map("a data page as RW with READ_IMPLIES_EXEC", EACCES, service.data, PAGE, R | W);
	personality(PER_LINUX);

	service_map(&service);
	service_do(&service, 0, OP_WRITE, service.data, 5, 0, 0);
	check_equal("what the enclave wrote", 5, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));

	/* Unmapped, mapped again: the page holds what it held. */
	munmap((void *)service.data, PAGE);
	expect_signal("an access to what was unmapped", SIGSEGV, service.data);
	expect_map("a data page again", 0, service.data, PAGE, R | W);
	check_equal("what it holds", 5, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	return 0;
}
