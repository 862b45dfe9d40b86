/*
 * Before v20 an enclave lives as long as its mapping.
 *
 * "Address range for enclaves is reserved with mmap() and they are destroyed with
 * munmap()" (seed 003): the descriptor may stay open or be closed, it does not
 * matter; a child of fork does not have it (VM_DONTCOPY). The range is a power
 * of two and aligned to itself. An address outside any enclave's mapping is
 * EINVAL, a mapping without CREATE ENOENT. Unmapping a part kills the enclave.
 * Source: Linux v16, sgx_mmap, sgx_get_unmapped_area, sgx_vma_close, sgx_encl_get.
 *
 * Uapi: v16
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "by_address.h"
#include "check.h"
#include "service.h"

#define SIZE (1ul << 20)

static struct service service;

static void *map(int fd, uint64_t length, int flags)
{
	return mmap(NULL, length, PROT_READ | PROT_WRITE | PROT_EXEC, flags, fd, 0);
}

int main(void)
{
	static uint8_t zeros[PAGE] __attribute__((aligned(4096)));
	struct enclave other = { 0 };
	uint64_t tcs;
	int status, extra;
	void *second;
	pid_t child;

	service_build(&service, NULL);
	tcs = service_tcs(&service, 0);
	service_do(&service, 0, OP_WRITE, service.data, 4711, 0, 0);

	/* Rules of the mapping. */
	check("a private mapping", map(service.enclave.fd, SIZE, MAP_PRIVATE) == MAP_FAILED && errno == EINVAL);
	check("a length that is no power of two",
	      map(service.enclave.fd, 3 * PAGE, MAP_SHARED) == MAP_FAILED && errno == EINVAL);
	check("one page", map(service.enclave.fd, PAGE, MAP_SHARED) == MAP_FAILED && errno == EINVAL);
	second = map(service.enclave.fd, SIZE, MAP_SHARED);
	check("a second mapping of the same descriptor, for another enclave", second != MAP_FAILED);
	check_equal("is aligned", 0, (uint64_t)second & (SIZE - 1));

	/* Calls find the enclave by its address, through any descriptor. */
	other.fd = open(SGX_DEVICE, O_RDWR);
	other.base = (uint64_t)second;
	check_errno("ADD_PAGE in a mapping without CREATE", ENOENT,
		    by_address_add(&other, 0, zeros, SECINFO_REG | SECINFO_R, 0));
	other.base = service.enclave.base - (1ul << 30);
	check_errno("ADD_PAGE where nothing is mapped", EINVAL,
		    by_address_add(&other, 0, zeros, SECINFO_REG | SECINFO_R, 0));
	other.base = service.enclave.base;
	check_errno("ADD_PAGE after INIT through another descriptor", EINVAL,
		    by_address_add(&other, service.room - service.enclave.base, zeros, SECINFO_REG | SECINFO_R, 0));

	/* A child has no mapping there. */
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		*(volatile uint64_t *)service.data;
		_exit(0);
	}
	waitpid(child, &status, 0);
	check("the child's access is a SIGSEGV", WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	check_equal("the parent's enclave is as it was", 4711,
		    service_do(&service, 0, OP_READ, service.data, 0, 0, 0));

	/* Unmapping a part of it is its death (sgx_vma_close): what the page tables have
	 * can be used, nothing more comes, and the hole is nobody's. */
	struct service_options options = { .heap_length = 8 * PAGE };
	struct service part;
	struct sgx_enclave_run run;
	struct call read_it = { .operation = OP_READ };

	service_build(&part, &options);
	service_do(&part, 0, OP_WRITE, part.heap, 11, 0, 0);
	check_errno("munmap of a page in the middle", 0, munmap((void *)(part.room + (1ul << 20)), PAGE));
	check_equal("what was touched before", 11, service_do(&part, 0, OP_READ, part.heap, 0, 0, 0));
	read_it.a = part.heap + PAGE;
	service_expect_exception(&part, 0, &read_it, "what was not", VECTOR_PF, &run);
	check_equal("error code: no page", PFEC_U, run.exception_error_code);
	check_errno("ADD_PAGE to it", EINVAL,
		    by_address_add(&part.enclave, part.room - part.enclave.base, zeros, SECINFO_REG | SECINFO_R, 0));
	check_errno("ADD_PAGE to the hole", EINVAL,
		    by_address_add(&part.enclave, part.room + (1ul << 20) - part.enclave.base, zeros,
				   SECINFO_REG | SECINFO_R, 0));
	enclave_destroy(&part.enclave);

	/* Closing does nothing, unmapping ends it. */
	extra = service.enclave.fd;
	close(extra);
	check_equal("after close", 4711, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	check_errno("munmap", 0, munmap((void *)service.enclave.base, service.enclave.size));
	service.enclave.fd = other.fd;
	check_errno("ADD_PAGE when it is gone", EINVAL,
		    by_address_add(&service.enclave, 0, zeros, SECINFO_REG | SECINFO_R, 0));

	struct call nothing = { .operation = OP_NOTHING };

	service_try(&service, tcs, &nothing, EENTER, &run);
	check("EENTER faults", run.function == EENTER && run.exception_vector != 0);

	/* And anew, many times: nothing of the old ones is kept. */
	for (int i = 0; i < 20; i++) {
		service_build(&service, NULL);
		check_equal("a new enclave is empty", 0, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
		service_do(&service, 0, OP_WRITE, service.data, 1, 0, 0);
		munmap((void *)service.enclave.base, service.enclave.size);
		close(service.enclave.fd);
	}
	return 0;
}
