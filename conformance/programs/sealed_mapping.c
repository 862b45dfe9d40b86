/*
 * Sealed mappings of an enclave cannot be changed, replaced or taken away, by the
 * process or by its children; the enclave runs on in them.
 *
 * Source: Linux mm/mseal.c, do_mseal (6.10); mm/mprotect.c, mprotect_fixup;
 * mm/vma.c, vms_gather_munmap_vmas; mm/mremap.c, check_prep_vma: EPERM.
 *
 * Run: --isolation=fast
 * Run: --isolation=strict
 * Run: --presence=mprotect
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define MSEAL 462
#define RW (PROT_READ | PROT_WRITE)

static struct service service;

static int in_child(void (*look)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		look();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("fork");
	return status;
}

static void check_sealed(void)
{
	char *page = (char *)service.data;
	int fd = service.enclave.fd, id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);

	check_errno("mprotect of what is sealed", EPERM, mprotect(page, PAGE, PROT_READ));
	check_errno("mprotect to what it is", EPERM, mprotect(page, PAGE, RW));
	check_errno("munmap", EPERM, munmap(page, PAGE));
	check_errno("munmap of all", EPERM, munmap((void *)service.enclave.base, service.enclave.size));
	check_errno("mmap of the device over it", EPERM, mmap(page, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED ? -1 : 0);
	check_errno("mmap of memory over it", EPERM, mmap(page, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ? -1 : 0);
	check_errno("mremap away", EPERM, mremap(page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page + (64ul << 20)) == MAP_FAILED ? -1 : 0);
	check_errno("shmat over it", EPERM, shmat(id, page, SHM_REMAP) == (void *)-1 ? -1 : 0);
	shmctl(id, IPC_RMID, NULL);
	check_errno("mseal once more", 0, syscall(MSEAL, page, PAGE, 0));
	check_equal("the enclave's memory", 42, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	service_do(&service, 0, OP_WRITE, service.data, 42, 0, 0);
}

int main(void)
{
	char *base, *ordinary;

	if (syscall(MSEAL, 0, 0, 0) != 0) {
		printf("skipped: this kernel has no mseal\n");
		return 0;
	}
	service_build(&service, NULL);
	base = (char *)service.enclave.base;
	service_do(&service, 0, OP_WRITE, service.data, 42, 0, 0);
	check_errno("flags that there are not", EINVAL, syscall(MSEAL, base, PAGE, 1));
	check_errno("an address inside a page", EINVAL, syscall(MSEAL, base + 1, PAGE, 0));

	/* A hole: nothing is sealed. */
	check_errno("munmap of a page", 0, munmap(base + service.enclave.size - PAGE, PAGE));
	check_errno("mseal over a hole", ENOMEM, syscall(MSEAL, base, service.enclave.size, 0));
	check_errno("mprotect of what is not sealed", 0, mprotect((void *)service.data, PAGE, RW));

	/* Ordinary memory beside the device's. */
	ordinary = mmap(base + service.enclave.size - PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	check("mmap into the hole", ordinary != MAP_FAILED);
	check_errno("mseal", 0, syscall(MSEAL, base, service.enclave.size, 0));
	check_errno("munmap of sealed memory", EPERM, munmap(ordinary, PAGE));
	check_sealed();
	check_equal("how a child ended", 0, (uint64_t)in_child(check_sealed));
	check_sealed();
	return 0;
}
