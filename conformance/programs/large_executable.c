/*
 * A large range of memory is made executable that nobody has written to yet.
 *
 * Run: --attach=begin
 *
 * Kernel: mprotect and mmap of what has no memory take microseconds, however
 * much it is: runtimes that compile reserve gigabytes so. CPUID in the little
 * that was written must be answered all the same: in anonymous memory, and in a
 * private mapping of a file with holes, which may have no name.
 * Source: mprotect(2), lseek(2) (SEEK_DATA); SDM 3D, CPUID leaf 12H.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

#define GIB (1ul << 30)
#define LENGTH (64 * GIB)
#define SECONDS 2

/* Behind nops, as of code that is not alone, push %rbx; mov %edi,%eax;
 * xor %ecx,%ecx; cpuid; pop %rbx; ret: a function that returns EAX of a leaf. */
#define NOPS 128
static const uint8_t code[NOPS + 9] = {
	[0 ... NOPS - 1] = 0x90, 0x53, 0x89, 0xf8, 0x31, 0xc9, 0x0f, 0xa2, 0x5b, 0xc3,
};
#define OVER_THE_EDGE (4096 - NOPS - 6) /* of a page: between the bytes of CPUID */
static struct timespec start;

static void begin(void)
{
	clock_gettime(CLOCK_MONOTONIC, &start);
}

static void expect_quick(const char *what)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	check(what, now.tv_sec - start.tv_sec < SECONDS);
}

/* Leaf 12H, subleaf 0: EAX bit 0 is SGX1. */
static void expect_sgx(const char *what, const uint8_t *at)
{
	uint32_t (*leaf)(uint32_t) = (uint32_t (*)(uint32_t))(uintptr_t)at;

	check_equal(what, 1, leaf(0x12) & 1);
}

static uint8_t *map(int protection, int flags, int fd, uint64_t length)
{
	uint8_t *address = mmap(NULL, length, protection, flags, fd, 0);

	if (address == MAP_FAILED)
		die("mmap");
	return address;
}

static void anonymous(void)
{
	uint8_t *area = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, LENGTH);
	/* In the middle, at the end, and over the edge of a page. */
	uint8_t *places[] = { area + 20 * GIB, area + LENGTH - sizeof code, area + 3 * GIB + OVER_THE_EDGE };

	for (unsigned i = 0; i < 3; i++)
		memcpy(places[i], code, sizeof code);
	begin();
	check_errno("mprotect", 0, mprotect(area, LENGTH, PROT_READ | PROT_EXEC));
	expect_quick("mprotect of 64 GiB to executable is quick");
	for (unsigned i = 0; i < 3; i++)
		expect_sgx("CPUID in anonymous memory", places[i]);
	munmap(area, LENGTH);
}

static void file(const char *what, int fd, int flags)
{
	const off_t place = 20 * (off_t)GIB + OVER_THE_EDGE;
	uint8_t *area;

	if (fd < 0 || ftruncate(fd, (off_t)LENGTH) != 0 || pwrite(fd, code, sizeof code, place) != (ssize_t)sizeof code)
		die(what);
	begin();
	area = map(PROT_READ | PROT_EXEC, flags, fd, LENGTH);
	expect_quick("mmap of 64 GiB as executable is quick");
	if (flags == MAP_PRIVATE)
		expect_sgx(what, area + place);
	munmap(area, LENGTH);

	/* First for reading, then executable. */
	area = map(PROT_READ, flags, fd, LENGTH);
	begin();
	check_errno(what, 0, mprotect(area, LENGTH, PROT_READ | PROT_EXEC));
	expect_quick("mprotect of 64 GiB of a file to executable is quick");
	if (flags == MAP_PRIVATE)
		expect_sgx(what, area + place);
	munmap(area, LENGTH);
	close(fd);
}

static int unnamed(void)
{
	char name[] = "/tmp/large_executableXXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	return fd;
}

int main(void)
{
	anonymous();
	file("CPUID in a file without a name, mapped private", unnamed(), MAP_PRIVATE);
	file("CPUID in a memfd, mapped private", (int)syscall(SYS_memfd_create, "code", 0), MAP_PRIVATE);
	file("a memfd, mapped shared", (int)syscall(SYS_memfd_create, "code", 0), MAP_SHARED);
	begin();
	munmap(map(PROT_READ | PROT_EXEC, MAP_PRIVATE, open("/dev/zero", O_RDONLY), LENGTH), LENGTH);
	expect_quick("mmap of 64 GiB of /dev/zero as executable is quick");
	return 0;
}
