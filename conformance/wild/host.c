/* What any program does, and signals among threads. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "wild.h"

void check_possible(const char *what, long result)
{
	/* ERESTARTSYS and its like begin at 512; ENOSYS is no answer of a call that the kernel has. include/linux/errno.h */
	if (result == -1)
		check(what, errno > 0 && errno < 134 && errno != ENOSYS);
}

void step_of_host(struct lane *lane)
{
	static const char *paths[] = { "/dev/sgx_enclave", "/dev/sgx_provision", "/dev/sgx_vepc", "/proc/cpuinfo", "/dev/null", "/nowhere" };
	struct timespec moment = { 0, (long)below(lane, 200000) };
	struct stat status;
	char bytes[256];
	void *memory;
	int fd;

	switch (below(lane, 9)) {
	case 0:
		check_possible("stat", stat(paths[below(lane, 6)], &status));
		break;
	case 1:
		fd = open(paths[below(lane, 6)], below(lane, 2) ? O_RDONLY | O_CLOEXEC : O_RDWR | O_CLOEXEC);
		check_possible("open", fd < 0 ? -1 : 0);
		if (fd >= 0) {
			check_possible("read", read(fd, bytes, sizeof bytes) < 0 ? -1 : 0);
			check_errno("close", 0, close(fd));
		}
		break;
	case 2:
		memory = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		check_possible("mmap", memory == MAP_FAILED ? -1 : 0);
		if (memory != MAP_FAILED) {
			check_possible("madvise", madvise(memory, PAGE, MADV_DONTNEED));
			check_errno("mprotect", 0, mprotect(memory, PAGE, PROT_READ | PROT_EXEC));
			check_errno("munmap", 0, munmap(memory, 8 * PAGE));
		}
		break;
	case 3:
		check_possible("nanosleep", nanosleep(&moment, NULL));
		break;
	case 4:
		check_possible("poll", poll(NULL, 0, (int)below(lane, 2)));
		break;
	case 5:
		check_errno("close of nothing", EBADF, close(1000000));
		break;
	case 6:
		fd = dup(lane->service->enclave.fd);
		check_possible("dup", fd < 0 ? -1 : 0);
		if (fd >= 0)
			close(fd);
		break;
	default: /* into the midst of what another does; in a child of fork the others are not there */
		fd = (int)below(lane, LANES);
		if (lane->sign != NULL && syscall(SYS_gettid) != getpid() && lane_threads[fd] != 0)
			pthread_kill(lane_threads[fd], SIGUSR1);
	}
}
