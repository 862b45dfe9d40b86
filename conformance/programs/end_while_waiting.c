/*
 * A madvise(MADV_DONTNEED) over memory that a userfaultfd watches and over a part of
 * an enclave waits until somebody reads what it tells of. Nobody does here: only a
 * signal ends it, as it ends the program on Linux. userfaultfd(2),
 * UFFD_FEATURE_EVENT_REMOVE; fs/userfaultfd.c, userfaultfd_event_wait_completion.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"

#define PAGE 4096ul

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_REMOVE };
	int enclave = open("/dev/sgx_enclave", O_RDWR | O_CLOEXEC);
	int faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	char *place = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register registered = { .range = { (uint64_t)place, PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING };

	if (faults < 0 || ioctl(faults, UFFDIO_API, &api) != 0 || ioctl(faults, UFFDIO_REGISTER, &registered) != 0)
		die("userfaultfd");
	if (mmap(place + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, enclave, 0) == MAP_FAILED)
		die("mmap");
	puts("waits");
	fflush(stdout);
	madvise(place, 2 * PAGE, MADV_DONTNEED);
	puts("went on");
	return 1;
}
