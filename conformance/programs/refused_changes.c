/*
 * Changes of mappings that the kernel refuses, or does by half.
 *
 * Kernel: mprotect with unknown bits, or with a key that was not allocated, is
 * EINVAL and changes nothing; over a hole it is ENOMEM and what lies before the
 * hole is changed. mremap shrinks a device's mapping and gives EFAULT when it
 * is to grow; another mapping may be put over it. mmap needs no descriptor of
 * its own, and RLIMIT_AS refuses it.
 * Source: Linux mm/mprotect.c, do_mprotect_pkey; mm/mremap.c; shmat(2).
 *
 * Run: --isolation=fast
 * Run: --isolation=strict
 * Run: --isolation=fast --presence=mprotect
 * Run: --isolation=strict --presence=mprotect
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static struct service service, other;

static void check_use(const char *after)
{
	static uint64_t value;

	service_do(&service, 0, OP_WRITE, service.data, ++value, 0, 0);
	check_equal(after, value, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
}

static void check_fault(const char *what, uint64_t address)
{
	static unsigned thread; /* each has SSA frames for a few */
	struct call call = { .operation = OP_WRITE, .a = address, .b = 1 };
	struct sgx_enclave_run run;

	service_expect_exception(&service, ++thread, &call, what, VECTOR_PF, &run);
	service_abandon(&service, thread);
}

static void check_mapped(const char *what, uint64_t address, int mapped)
{
	unsigned char resident;

	check_errno(what, mapped ? 0 : ENOMEM, mincore((void *)address, PAGE, &resident));
}

static long pkey_mprotect_(uint64_t address, int protection, int key)
{
	return syscall(SYS_pkey_mprotect, address, PAGE, protection, key);
}

int main(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	uint64_t room;
	void *result;
	struct rlimit limit, small;

	vdso_find();
	service_build(&service, &(struct service_options){ .threads = 6 });
	check_use("at first");
	check_errno("mprotect with a bit that is none", EINVAL, mprotect((void *)service.data, PAGE, 0x1000000 << 4));
	check_use("after a protection that is none");
	check_errno("pkey_mprotect with a key that is none", EINVAL, pkey_mprotect_(service.data, PROT_READ, 9));
	check_use("after a key that is none");
	check_errno("mprotect of an address within a page", EINVAL, mprotect((void *)(service.data + 8), PAGE, PROT_NONE));
	check_use("after an address within a page");
	check_errno("pkey_mprotect without a key", 0, pkey_mprotect_(service.data, PROT_READ, -1));
	check_fault("a write to a page made readable", service.data);
	check_errno("mprotect back", 0, mprotect((void *)service.data, PAGE, rw));
	check_use("after it was made writable again");

	/* What nothing comes in the place of: its contents, its code and its rights. */
	check_errno("mmap of no file over the data", EBADF,
		    mmap((void *)service.data, PAGE, rw, MAP_SHARED | MAP_FIXED, -1, 0) == MAP_FAILED ? -1 : 0);
	check_use("after mmap of no file over the data");
	check_errno("mmap of no file over all of it", EBADF,
		    mmap((void *)service.enclave.base, service.enclave.size, rw, MAP_SHARED | MAP_FIXED, -1, 0) == MAP_FAILED ? -1 : 0);
	check_use("after mmap of no file over all of it");

	/* A hole behind the data. */
	room = service.enclave.base + service.enclave.size / 2;
	if (munmap((void *)(room + PAGE), PAGE))
		die("munmap");
	check_errno("mprotect over a hole", ENOMEM, mprotect((void *)room, 3 * PAGE, PROT_READ));
	check_fault("a write before the hole", room);
	check_equal("EACCEPT behind the hole", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING,
				   room + 2 * PAGE, 0));

	/* mremap. */
	room += 16 * PAGE;
	check("mremap to the same size", mremap((void *)room, PAGE, PAGE, 0) == (void *)room);
	check("mremap to less", mremap((void *)room, 3 * PAGE, PAGE, 0) == (void *)room);
	check_mapped("what was kept", room, 1);
	check_mapped("what was cut off", room + PAGE, 0);
	check_mapped("the rest of what was cut off", room + 2 * PAGE, 0);
	check_fault("a write to what was cut off", room + PAGE);
	check_errno("mremap to more", EFAULT, mremap((void *)room, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
	check_errno("mremap to nothing", EINVAL, mremap((void *)room, PAGE, 0, 0) == MAP_FAILED ? -1 : 0);
	check_errno("mremap with an unknown flag", EINVAL, mremap((void *)room, PAGE, 2 * PAGE, 64) == MAP_FAILED ? -1 : 0);
	check_use("after mremap");

	/* Ordinary memory over a part of the range, moved there. */
	room += 16 * PAGE;
	result = mmap(NULL, PAGE, rw, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	strcpy(result, "moved");
	result = mremap(result, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room);
	check("mremap over a device mapping", result == (void *)room && !strcmp(result, "moved"));
	check_errno("mprotect of what was put there", 0, mprotect(result, PAGE, PROT_READ));
	int segment = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);

	if (segment >= 0) {
		result = shmat(segment, (void *)(room + PAGE), SHM_REMAP);
		check("shmat over a device mapping", result == (void *)(room + PAGE));
		strcpy(result, "attached");
		check("its memory", !strcmp((char *)room + PAGE, "attached"));
		shmctl(segment, IPC_RMID, NULL);
	}
	check_use("after other memory was put into the range");

	/* No descriptor left, then no address space. */
	service_add(&other, NULL);
	enclave_init(&other.enclave);
	getrlimit(RLIMIT_NOFILE, &limit);
	small = limit;
	small.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &small);
	check_errno("open without a descriptor left", EMFILE, open("/dev/sgx_enclave", O_RDWR));
	check_errno("open of cpuinfo without a descriptor left", EMFILE, open("/proc/cpuinfo", O_RDONLY));
	service_map(&other);
	check_equal("an enclave that was mapped without a descriptor left", 0,
		    service_do(&other, 0, OP_READ, other.data, 0, 0, 0));
	getrlimit(RLIMIT_NOFILE, &small);
	check_equal("RLIMIT_NOFILE", 3, small.rlim_cur);
	setrlimit(RLIMIT_NOFILE, &limit);

	munmap((void *)(room + 8 * PAGE), PAGE);
	getrlimit(RLIMIT_AS, &limit);
	small = limit;
	small.rlim_cur = PAGE;
	setrlimit(RLIMIT_AS, &small);
	check_errno("mmap without address space left", ENOMEM,
		    mmap((void *)(room + 8 * PAGE), PAGE, rw, MAP_SHARED | MAP_FIXED, service.enclave.fd, 0) == MAP_FAILED ? -1 : 0);
	setrlimit(RLIMIT_AS, &limit);
	check_mapped("what was not mapped", room + 8 * PAGE, 0);
	check_fault("a write there", room + 8 * PAGE);
	check_use("at the end");
	return 0;
}
