/*
 * EPC for a guest, as far as a process can show it.
 *
 * "No additional work is needed to support SGX2 in a virtualized environment"
 * (seed 004): the guest's processor does it all in raw EPC, which its VMM maps from
 * /dev/sgx_vepc. A page comes with the first access, stays whatever the EPC is
 * short of, is an abort page to everybody but the guest's own enclaves, and goes
 * with the last mapping and descriptor. REMOVE_ALL runs EREMOVE on all of them, and
 * returns how many were left because a child came after its SECS. What takes ENCLS
 * to see (EBUSY, the second pass for SECS pages) is in VepcRemoveAllTests.
 * Source: Linux 6.12, arch/x86/kernel/cpu/sgx/virt.c.
 *
 * Uapi: edmm-v1 edmm-v3 v6.0
 * Run: --epc 1M
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define VEPC_REMOVE_ALL _IO(SGX_MAGIC, 0x04)
#define EPC_PAGES 256ul

static struct service service;
static sigjmp_buf before;

static void on_bus(int signal)
{
	siglongjmp(before, signal);
}

static uint8_t *map_guest(int fd, uint64_t pages)
{
	uint8_t *guest = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	check("mmap of the device", guest != MAP_FAILED);
	return guest;
}

/* How many of these pages can be had. */
static uint64_t touch(uint8_t *guest, uint64_t pages)
{
	volatile uint64_t done = 0;

	if (sigsetjmp(before, 1) == 0)
		for (; done < pages; done++)
			((volatile uint8_t *)guest)[done * PAGE] = 1;
	return done;
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_bus };
	int fd = open("/dev/sgx_vepc", O_RDWR), status;
	uint8_t *guest;
	uint64_t most;
	pid_t child;

	sigaction(SIGBUS, &action, NULL);
	check("open /dev/sgx_vepc", fd >= 0);
	check("a private mapping",
	      mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EINVAL);
	check_errno("REMOVE_ALL of nothing", 0, ioctl(fd, VEPC_REMOVE_ALL, 0));
	check_errno("REMOVE_ALL with an argument", EINVAL, ioctl(fd, VEPC_REMOVE_ALL, 1));
	check_errno("CREATE", ENOTTY, ioctl(fd, SGX_IOC_ENCLAVE_CREATE, 0));

	/* All of the EPC, and no more. */
	guest = map_guest(fd, EPC_PAGES + 8);
	most = touch(guest, EPC_PAGES + 8);
	check_equal("pages that the guest can have", EPC_PAGES, most);
	check_equal("those it has stay", EPC_PAGES, touch(guest, EPC_PAGES));

	/* Without a SECS among them nothing is left over, and the pages stay the guest's. */
	check_errno("REMOVE_ALL", 0, ioctl(fd, VEPC_REMOVE_ALL, 0));
	check_equal("the pages after it", EPC_PAGES, touch(guest, EPC_PAGES + 8));

	/* A child has the file and not the mapping: sgx_vepc_mmap, VM_DONTCOPY. */
	check_errno("MADV_DOFORK", EINVAL, madvise(guest, EPC_PAGES * PAGE, MADV_DOFORK));
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0)
		_exit(msync(guest, PAGE, MS_ASYNC) != 0 && errno == ENOMEM && ioctl(fd, VEPC_REMOVE_ALL, 0) == 0 ? 0 : 1);
	waitpid(child, &status, 0);
	check("no mapping in the child, and REMOVE_ALL", WIFEXITED(status) && WEXITSTATUS(status) == 0);
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		((volatile uint8_t *)guest)[0] = 1;
		_exit(0);
	}
	waitpid(child, &status, 0);
	check("the child's access", WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);

	/* They go with the last mapping, however few are still used; then the host has its EPC again. */
	close(fd);
	check_equal("after close", EPC_PAGES, touch(guest, EPC_PAGES));
	check_errno("munmap", 0, munmap(guest, (EPC_PAGES + 8) * PAGE));
	service_build(&service, NULL);
	service_do(&service, 0, OP_WRITE, service.data, 3, 0, 0);

	/* Beside an enclave: the enclave's pages are written out for the guest, not the reverse. */
	fd = open("/dev/sgx_vepc", O_RDWR);
	guest = map_guest(fd, EPC_PAGES / 2);
	check_equal("a guest beside an enclave", EPC_PAGES / 2, touch(guest, EPC_PAGES / 2));
	check_equal("the enclave is as it was", 3, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	check_errno("REMOVE_ALL", 0, ioctl(fd, VEPC_REMOVE_ALL, 0));
	return 0;
}
