/*
 * The largest enclave is of just the size that CPUID tells, and a large ELRANGE
 * costs what is used of it.
 *
 * Run: --epc 32M -- 56
 * Run: --no-sgx2 -- 36
 * Run: --max-enclave-size 128G -- 37
 *
 * Hardware: ECREATE takes a SECS.SIZE of exactly 2^MaxEnclaveSize_64 (the SDM's
 * pseudocode prints "greater or equal", its description of CPUID and processors
 * say otherwise); the next power of two is #GP, which the driver answers by EIO.
 * Servers say 2^56, more than a program can map: a page there can be added all
 * the same, for EADD translates no linear address. Kernel: CREATE, mmap, mprotect,
 * fork and munmap of a range do not look at its pages one by one, only at those
 * that were added.
 * Source: SDM 3D, CPUID.12H.0 EDX and ECREATE; intel/SGXDataCenterAttestationPrimitives
 * pull request 123; Linux arch/x86/kernel/cpu/sgx/ioctl.c, sgx_encl_create and
 * sgx_validate_offset_length; encl.c, sgx_encl_may_map.
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
#define FAR_PAGES 32

/* A walk over each page of a TiB takes minutes; a busy machine takes a second. */
#define MOST_SECONDS 5

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double since;

static void step(const char *what, unsigned bits)
{
	double seconds = now() - since;
	char text[80];

	snprintf(text, sizeof text, "%s of 2^%u bytes takes no more than %d s", what, bits, MOST_SECONDS);
	check(text, seconds < MOST_SECONDS);
	if (getenv("TIMES") != NULL)
		printf("2^%u: %s %.3f ms\n", bits, what, seconds * 1e3);
	since = now();
}

static int create(unsigned bits, uint64_t base)
{
	struct secs secs = {
		.size = 1ul << bits,
		.base = base,
		.ssa_frame_size = 1,
		.attributes = ATTRIBUTE_MODE64BIT,
		.xfrm = XFRM_LEGACY,
	};
	struct sgx_enclave_create create = { .src = (uint64_t)&secs };
	int fd = open("/dev/sgx_enclave", O_RDWR), result;

	if (fd < 0)
		die("open /dev/sgx_enclave");
	result = ioctl(fd, SGX_IOC_ENCLAVE_CREATE, &create);
	check_errno("CREATE", result == 0 ? 0 : EIO, result);
	if (result == 0)
		return fd;
	close(fd);
	return -1;
}

static void unmappable_page(unsigned bits, uint64_t base)
{
	static uint8_t page[PAGE] __attribute__((aligned(PAGE)));
	struct secinfo secinfo = { .flags = RW };
	struct sgx_enclave_add_pages add = {
		.src = (uint64_t)page,
		.offset = (1ul << bits) - 2 * PAGE,
		.length = 2 * PAGE,
		.secinfo = (uint64_t)&secinfo,
		.flags = SGX_PAGE_MEASURE,
	};
	int fd = create(bits, base);

	check("CREATE of a range that cannot be mapped", fd >= 0);
	add.length = PAGE;
	check_errno("ADD_PAGES of a page that cannot be mapped", 0, ioctl(fd, SGX_IOC_ENCLAVE_ADD_PAGES, &add));
	check_errno("once more", EBUSY, ioctl(fd, SGX_IOC_ENCLAVE_ADD_PAGES, &add));
	add.offset += PAGE;
	check_errno("ADD_PAGES of the last page", 0, ioctl(fd, SGX_IOC_ENCLAVE_ADD_PAGES, &add));
	add.offset += PAGE;
	check_errno("ADD_PAGES behind the range", EINVAL, ioctl(fd, SGX_IOC_ENCLAVE_ADD_PAGES, &add));
	close(fd);
}

/* Pages far apart come and go, in the enclave of a parent and of its child. */
static void far_pages(unsigned bits, bool sgx2)
{
	uint64_t size = 1ul << bits, room;
	struct service service;
	struct enclave *enclave = &service.enclave;
	int status;

	since = now();
	if (sgx2) {
		service_build(&service, &(struct service_options){ .size = size });
	} else {
		vdso_find();
		service_add(&service, &(struct service_options){ .size = size });
		for (uint64_t i = 1; i < FAR_PAGES; i++)
			enclave_add_unmeasured(enclave, size / FAR_PAGES * i, PAGE, RW);
		enclave_init(enclave);
		enclave_map(enclave, 0, PAGE, PROT_READ | PROT_EXEC);
		enclave_map(enclave, PAGE, size - PAGE, PROT_READ | PROT_WRITE);
	}
	room = service.room;
	step("building and mapping", bits);
	for (uint64_t i = 1; i < FAR_PAGES; i++) {
		uint64_t page = enclave->base + size / FAR_PAGES * i;

		if (sgx2)
			check_equal("EACCEPT of a page far away", 0, service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, page, 0));
		service_do(&service, 0, OP_WRITE, page, i, 0, 0);
	}
	if (sgx2) {
		check_equal("EACCEPT of the last page", 0, service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, enclave->base + size - PAGE, 0));
		check_errno("MODIFY_TYPES", 0, enclave_modify(enclave, enclave->base + size - PAGE, PAGE, PT_TRIM, NULL, NULL));
		check_equal("EACCEPT of its removal", 0, service_accept(&service, 0, EACCEPT, SECINFO_TRIM | SECINFO_MODIFIED, enclave->base + size - PAGE, 0));
		check_errno("REMOVE_PAGES", 0, enclave_remove(enclave, enclave->base + size - PAGE, PAGE, NULL));
	}
	step("touching a few pages", bits);
	check_errno("mprotect to read only", 0, mprotect((void *)room, enclave->base + size - room, PROT_READ));
	check_errno("mprotect back", 0, mprotect((void *)room, enclave->base + size - room, PROT_READ | PROT_WRITE));
	step("mprotect", bits);
	for (uint64_t i = 1; i < FAR_PAGES; i++)
		check_equal("what was written far away", i, service_do(&service, 0, OP_READ, enclave->base + size / FAR_PAGES * i, 0, 0, 0));
	since = now();
	fflush(stdout);
	switch (fork()) {
	case -1:
		die("fork");
	case 0:
		check_equal("what the child finds there", FAR_PAGES / 2, service_do(&service, 0, OP_READ, enclave->base + size / 2, 0, 0, 0));
		check_errno("the child's munmap", 0, munmap((void *)enclave->base, size));
		_exit(0);
	}
	wait(&status);
	check_equal("the child's status", 0, (uint64_t)status);
	step("fork", bits);
	check_errno("munmap", 0, munmap((void *)enclave->base, size));
	step("munmap", bits);
	close(enclave->fd);
	step("closing", bits);
}

int main(int argc, char **argv)
{
	unsigned a, b, c, d, most;
	int fd;

	__cpuid_count(0x12, 0, a, b, c, d);
	most = d >> 8 & 255;
	if (argc > 1)
		check_equal("CPUID.12H.0:EDX[15:8]", strtoul(argv[1], NULL, 0), most);
	for (unsigned bits = 34; bits <= 45 && bits <= most; bits += bits == 34 ? 2 : bits == 36 ? 1 : bits == 37 ? 3 : 5)
		far_pages(bits, (a & 2) != 0);
	for (unsigned bits = 13; bits <= most; bits++) {
		fd = create(bits, 0);
		check("CREATE of what CPUID tells", fd >= 0);
		close(fd);
	}
	check("CREATE of more than CPUID tells", create(most + 1, 0) < 0);
	if (most > 47)
		unmappable_page(most, 0);
	unmappable_page(36, 0xffff800000000000);
	return 0;
}
