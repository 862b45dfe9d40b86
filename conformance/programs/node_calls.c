/*
 * System calls on the descriptor of an enclave.
 *
 * Kernel: the node has ioctl and mmap only. read, write and their kin are
 * EINVAL, as are ftruncate (not a regular file), fsync, and the seals (not a
 * memfd); fallocate is ENODEV. Whatever is tried, the enclave keeps its pages.
 * What the file was not opened for cannot be mapped.
 * Source: Linux arch/x86/kernel/cpu/sgx/driver.c, sgx_encl_fops;
 * fs/read_write.c, vfs_read; fs/open.c, do_sys_ftruncate, vfs_fallocate;
 * fs/sync.c; mm/memfd.c; mm/mmap.c, do_mmap.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define PAGES 16

static struct service service;

static void check_contents(const char *after)
{
	check_equal(after, 0, service_do(&service, 0, OP_VERIFY, service.heap, 9, PAGES, 0));
}

static void *map(int fd, int protection)
{
	return mmap(NULL, PAGE, protection, MAP_SHARED, fd, 0);
}

int main(void)
{
	char bytes[64] = { 1 };
	struct iovec vector = { bytes, sizeof bytes };
	struct stat status;
	off_t heap;
	void *address;
	int fd, pair[2];

	vdso_find();
	service_build(&service, &(struct service_options){ .heap_length = PAGES * PAGE });
	service_do(&service, 0, OP_FILL, service.heap, 9, PAGES, 0);
	fd = service.enclave.fd;
	heap = (off_t)service.heap;

	check_errno("fallocate(PUNCH_HOLE)", ENODEV,
		    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, heap, 4 * PAGE));
	check_errno("fallocate(ZERO_RANGE)", ENODEV, fallocate(fd, FALLOC_FL_ZERO_RANGE, heap, PAGE));
	check_errno("fallocate of nothing", EINVAL, fallocate(fd, 0, heap, 0));
	check_errno("ftruncate", EINVAL, ftruncate(fd, 0));
	check_errno("fsync", EINVAL, fsync(fd));
	check_errno("fdatasync", EINVAL, fdatasync(fd));
	check_errno("F_ADD_SEALS", EINVAL, fcntl(fd, 1033, 8));
	check_errno("F_GET_SEALS", EINVAL, fcntl(fd, 1034));
	check_contents("contents after calls that change files");

	check_errno("read", EINVAL, read(fd, bytes, sizeof bytes));
	check_errno("write", EINVAL, write(fd, bytes, sizeof bytes));
	check_errno("readv", EINVAL, readv(fd, &vector, 1));
	check_errno("writev", EINVAL, writev(fd, &vector, 1));
	check_errno("pread", EINVAL, pread(fd, bytes, sizeof bytes, heap));
	check_errno("pwrite", EINVAL, pwrite(fd, bytes, sizeof bytes, heap));
	check_errno("preadv", EINVAL, preadv(fd, &vector, 1, heap));
	check_errno("pwritev", EINVAL, pwritev(fd, &vector, 1, heap));
	check_errno("pwritev2", EINVAL, pwritev2(fd, &vector, 1, heap, 0));
	if (pipe(pair))
		die("pipe");
	check_errno("sendfile", EINVAL, sendfile(pair[1], fd, NULL, PAGE));
	check_errno("splice", EINVAL, splice(fd, NULL, pair[1], NULL, PAGE, 0));
	check_contents("contents after reads and writes");

	/* A lock is the file's own affair, and does not end it. */
	check_errno("flock(LOCK_EX)", 0, flock(fd, LOCK_EX));
	check_errno("flock(LOCK_UN)", 0, flock(fd, LOCK_UN));
	check_errno("flock of nothing", EINVAL, flock(fd, 0));
	munmap((void *)service.enclave.base, service.enclave.size);
	close(dup(fd));
	check("the node is still one", !fstat(fd, &status) && S_ISCHR(status.st_mode));
	enclave_reserve(service.enclave.base, service.enclave.size);
	service_map(&service);
	check_contents("contents after the only mapping was gone for a while");

	/* What it was opened for. */
	fd = open("/dev/sgx_enclave", O_RDONLY);
	check_errno("a writable mapping of a file opened for reading", EACCES,
		    map(fd, PROT_READ | PROT_WRITE) == MAP_FAILED ? -1 : 0);
	address = map(fd, PROT_READ);
	check_errno("a readable one", 0, address == MAP_FAILED ? -1 : 0);
	check_errno("mprotect to writable", EACCES, mprotect(address, PAGE, PROT_READ | PROT_WRITE));
	munmap(address, PAGE);
	close(fd);
	fd = open("/dev/sgx_enclave", O_WRONLY);
	check_errno("a mapping of a file opened for writing", EACCES, map(fd, PROT_WRITE) == MAP_FAILED ? -1 : 0);
	close(fd);
	check_contents("contents at the end");
	return 0;
}
