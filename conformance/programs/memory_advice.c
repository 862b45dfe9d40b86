/*
 * What the kernel answers about an enclave's mappings when they are locked,
 * advised, synchronised, asked about, watched.
 *
 * Kernel: they are VM_IO, VM_PFNMAP, VM_DONTEXPAND and VM_DONTDUMP. mlock, mlockall
 * and MAP_LOCKED pass them over; nothing brings a page in that no EPC page stands
 * behind, so that a page nobody accepted still faults inside. Most advice is
 * EINVAL; msync(MS_SYNC) too, for the device has no fsync; mincore tells of a
 * page cache that is empty; a userfaultfd cannot watch them.
 * Source: Linux arch/x86/kernel/cpu/sgx/driver.c, sgx_mmap; mm/mlock.c, mlock_fixup;
 * mm/gup.c, __mm_populate; mm/madvise.c, madvise_vma_behavior; mm/msync.c;
 * mm/mincore.c, mincore_unmapped_range; mm/mmap.c, remap_file_pages;
 * fs/userfaultfd.c, vma_can_userfault.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define GUARD_INSTALL 102 /* MADV_GUARD_INSTALL, Linux 6.13 */

static struct service service;

/* The page faults inside until it is accepted, and holds zeros then. */
static void expect_pending(const char *what, uint64_t page)
{
	struct sgx_enclave_run run;
	struct call call = { .operation = OP_READ, .a = page };

	service_expect_exception(&service, 0, &call, what, VECTOR_PF, &run);
	check_equal(what, PFEC_P | PFEC_U | PFEC_SGX, run.exception_error_code);
	check_equal("EACCEPT", 0, service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, page, 0));
	service_resume(&service, 0);
	check_equal("what is read there", 0, call.result);
}

static void *map_room(unsigned page, unsigned count, int flags)
{
	void *map = mmap((void *)(service.room + page * PAGE), count * PAGE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED | flags, service.enclave.fd, 0);

	if (map == MAP_FAILED)
		die("mmap");
	return map;
}

static void expect_advice(const char *what, int error, uint64_t address, int advice)
{
	check_errno(what, error, madvise((void *)address, PAGE, advice));
}

static void locks(void)
{
	uint64_t room = service.room;

	check_errno("mlock of pages that are there", 0, mlock((void *)service.heap, 8 * PAGE));
	check_errno("mlock of pages that are not there", 0, mlock((void *)room, 16 * PAGE));
	expect_pending("a page that was locked", room);
	check_errno("munlock", 0, munlock((void *)room, 16 * PAGE));
	check_errno("mlock2, on fault", 0, syscall(SYS_mlock2, room, 16 * PAGE, 1));
	check_errno("mlock2 with a flag that is none", EINVAL, syscall(SYS_mlock2, room, 16 * PAGE, 2));
	check_errno("mlock across the enclave's start", ENOMEM, mlock((void *)(service.enclave.base - PAGE), 2 * PAGE));
	check_errno("mlockall of what is there", 0, mlockall(MCL_CURRENT));
	expect_pending("a page after mlockall", room + PAGE);
	check_errno("mlockall of all", 0, mlockall(MCL_CURRENT | MCL_FUTURE));
	map_room(32, 16, 0);
	expect_pending("a page mapped after mlockall", room + 32 * PAGE);
	check_errno("munlockall", 0, munlockall());
	map_room(64, 16, MAP_POPULATE);
	expect_pending("a page mapped with MAP_POPULATE", room + 64 * PAGE);
	map_room(96, 16, MAP_LOCKED);
	expect_pending("a page mapped with MAP_LOCKED", room + 96 * PAGE);
}

/* Ordinary memory beside the enclave's in one call is locked and brought in. */
static void lock_both(void)
{
	unsigned char there[2];
	uint8_t *last = (uint8_t *)service.enclave.base + service.enclave.size - PAGE;
	uint8_t *ordinary = mmap(last, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (ordinary != last)
		die("mmap");
	check_errno("mlock of both", 0, mlock(ordinary - PAGE, 2 * PAGE));
	check_errno("mincore of both", 0, mincore(ordinary - PAGE, 2 * PAGE, there));
	check_equal("the enclave's page is in no cache", 0, there[0]);
	check_equal("the ordinary page is there", 1, there[1]);
	check_errno("munlock of both", 0, munlock(ordinary - PAGE, 2 * PAGE));
	map_room((unsigned)((service.enclave.size - (service.room - service.enclave.base)) / PAGE) - 1, 1, 0);
}

static void advice(void)
{
	uint64_t page = service.room + 128 * PAGE;

	expect_advice("MADV_NORMAL", 0, page, MADV_NORMAL);
	expect_advice("MADV_SEQUENTIAL", 0, page, MADV_SEQUENTIAL);
	expect_advice("MADV_WILLNEED", 0, page, MADV_WILLNEED);
	expect_advice("MADV_DONTDUMP", 0, page, MADV_DONTDUMP);
	expect_advice("MADV_DODUMP", EINVAL, page, MADV_DODUMP);
	expect_advice("MADV_DOFORK", EINVAL, page, MADV_DOFORK);
	expect_advice("MADV_WIPEONFORK", EINVAL, page, MADV_WIPEONFORK);
	expect_advice("MADV_KEEPONFORK", 0, page, MADV_KEEPONFORK);
	expect_advice("MADV_POPULATE_READ", EINVAL, page, MADV_POPULATE_READ);
	expect_advice("MADV_POPULATE_WRITE", EINVAL, page, MADV_POPULATE_WRITE);
	expect_advice("MADV_COLLAPSE", EINVAL, page, MADV_COLLAPSE);
	expect_advice("MADV_GUARD_INSTALL", EINVAL, page, GUARD_INSTALL);
	expect_advice("advice that is none", EINVAL, page, 77);
	expect_advice("MADV_DONTNEED", EINVAL, service.heap, MADV_DONTNEED);
	expect_advice("MADV_FREE", EINVAL, service.heap, MADV_FREE);
	expect_advice("MADV_REMOVE", ENODEV, service.heap, MADV_REMOVE);
	expect_advice("MADV_COLD", EINVAL, service.heap, MADV_COLD);
	expect_advice("MADV_PAGEOUT", EINVAL, service.heap, MADV_PAGEOUT);
	expect_advice("MADV_HWPOISON", geteuid() == 0 ? EFAULT : EPERM, service.heap, MADV_HWPOISON);
	expect_advice("an address that is not a page's", EINVAL, service.heap + 8, MADV_NORMAL);
	expect_pending("a page that was advised about", page);
}

static void others(void)
{
	unsigned char there[4] = { 7, 7, 7, 7 };
	struct iovec ranges[2] = { { (void *)service.heap, PAGE }, { (void *)service.heap, PAGE } };
	int self = (int)syscall(SYS_pidfd_open, getpid(), 0), watch = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	static uint8_t ordinary[2 * PAGE] __attribute__((aligned(PAGE)));

	check_errno("msync(MS_ASYNC)", 0, msync((void *)service.heap, PAGE, MS_ASYNC));
	check_errno("msync(MS_SYNC)", EINVAL, msync((void *)service.heap, PAGE, MS_SYNC));
	check_errno("mincore", 0, mincore((void *)service.heap, 4 * PAGE, there));
	for (int i = 0; i < 4; i++)
		check_equal("what mincore tells", 0, there[i]);
	check_errno("remap_file_pages", 0, syscall(SYS_remap_file_pages, service.heap, 4 * PAGE, 0, 3, 0));
	check_errno("remap_file_pages with a protection", EINVAL, syscall(SYS_remap_file_pages, service.heap, 4 * PAGE, 1, 0, 0));
	check_errno("mremap to more", EFAULT, mremap((void *)service.heap, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
	if (self >= 0) {
		check_errno("process_madvise(MADV_PAGEOUT)", EINVAL, syscall(SYS_process_madvise, self, ranges, 2, MADV_PAGEOUT, 0));
		ranges[0].iov_base = ordinary;
		check_equal("process_madvise(MADV_COLD) up to the enclave", PAGE, (uint64_t)syscall(SYS_process_madvise, self, ranges, 2, MADV_COLD, 0));
	}
	if (watch >= 0) {
		struct uffdio_api api = { .api = UFFD_API };
		struct uffdio_register range = { .range = { service.heap, PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING };

		check_errno("UFFDIO_API", 0, ioctl(watch, UFFDIO_API, &api));
		check_errno("UFFDIO_REGISTER of an enclave", EINVAL, ioctl(watch, UFFDIO_REGISTER, &range));
		range.range.start = (uint64_t)ordinary;
		check_errno("UFFDIO_REGISTER of ordinary memory", 0, ioctl(watch, UFFDIO_REGISTER, &range));
		close(watch);
	}
}

/* A child has no mapping that was advised so, and the parent keeps it. */
static void dont_fork(void)
{
	uint64_t page = service.heap + 7 * PAGE;
	int status;
	pid_t child;

	expect_advice("MADV_DONTFORK", 0, page, MADV_DONTFORK);
	child = fork();
	if (child == 0) {
		unsigned char there;

		if (mincore((void *)(page - PAGE), PAGE, &there) != 0)
			_exit(2);
		_exit(mincore((void *)page, PAGE, &there) == -1 && errno == ENOMEM ? 0 : 1);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		die("fork");
	check_equal("status of the child, which has not the page", 0, (uint64_t)status);
}

int main(void)
{
	const struct service_options options = { .heap_length = 8 * PAGE };
	struct rlimit limit;

	/* An ordinary user may lock little; mlockall asks for the whole of the
	 * address space to fit, so it is not tried then. */
	service_build(&service, &options);
	service_do(&service, 0, OP_FILL, service.heap, 9, 8, 0);
	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (geteuid() == 0 || limit.rlim_cur == RLIM_INFINITY) {
		locks();
		lock_both();
	}
	advice();
	others();
	dont_fork();
	check_equal("pages with other contents after all that", 0, service_do(&service, 0, OP_VERIFY, service.heap, 9, 8, 0));
	return 0;
}
