/*
 * Threads and processes with descriptor tables of their own.
 *
 * Kernel: open() puts the file into the table of the thread that calls, which
 * unshare(CLONE_FILES), close_range(CLOSE_RANGE_UNSHARE) and clone() without
 * CLONE_FILES make its own; a file that another table has under the same number
 * is another file. A file is open while any table has it, and an enclave lives
 * until the last file and the last mapping are gone.
 * Source: unshare(2), close_range(2), clone(2); Linux fs/file.c;
 * arch/x86/kernel/cpu/sgx/driver.c, sgx_release.
 *
 * Run: --isolation=fast
 * Run: --isolation=strict
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static const char text[] = "this file is somebody else's";
static const char *const special[] = { "/dev/sgx_enclave", "/dev/sgx_provision", "/proc/cpuinfo" };
static int kept; /* the number under which the main thread's table has a file of its own */
static struct service service, thread_service;
static pthread_barrier_t barrier;

static void meet(void)
{
	pthread_barrier_wait(&barrier);
}

static void check_kept(const char *when)
{
	struct stat status;
	char found[sizeof text] = "";

	if (fstat(kept, &status) || pread(kept, found, sizeof found, 0) < 0)
		die("look at the main thread's file");
	check_equal(when, sizeof text, (uint64_t)status.st_size);
	check_bytes(when, text, found, sizeof text);
}

static int make_file(void)
{
	char name[] = "/tmp/own_descriptors.XXXXXX";
	int fd = mkstemp(name);

	if (fd < 0 || unlink(name) || write(fd, text, sizeof text) != sizeof text)
		die("make a file");
	return fd;
}

/* Opens each special file under the number of the main thread's file. */
static void open_each(void)
{
	for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
		close(kept);
		int fd = open(special[i], i == 2 ? O_RDONLY : O_RDWR);

		check_equal("the lowest number that is free in this table", (uint64_t)kept, (uint64_t)fd);
		if (i == 2) {
			char line[10] = "";

			check("cpuinfo has text", read(fd, line, 9) == 9 && !strcmp(line, "processor"));
		} else {
			struct stat status;

			check("a node is a character device", !fstat(fd, &status) && S_ISCHR(status.st_mode));
		}
	}
	close(kept);
}

static void *with_unshare(void *arg)
{
	(void)arg;
	if (unshare(CLONE_FILES))
		die("unshare");
	open_each();
	return NULL;
}

static void *with_close_range(void *arg)
{
	(void)arg;
	if (syscall(SYS_close_range, kept, kept, 2 /* CLOSE_RANGE_UNSHARE */))
		die("close_range");
	open_each();
	return NULL;
}

static int in_child(void *arg)
{
	(void)arg;
	open_each();
	return 0;
}

/* Its enclave belongs to its table alone, then to its mappings alone. */
static void *builder(void *arg)
{
	(void)arg;
	if (unshare(CLONE_FILES))
		die("unshare");
	service_add(&thread_service, NULL);
	enclave_init(&thread_service.enclave);
	meet();
	meet();
	service_map(&thread_service);
	check_equal("a write in an enclave of the thread's own", 5,
		    (service_do(&thread_service, 0, OP_WRITE, thread_service.data, 5, 0, 0),
		     service_do(&thread_service, 0, OP_READ, thread_service.data, 0, 0, 0)));
	close(thread_service.enclave.fd);
	meet();
	meet();
	return NULL;
}

static void join(void *(*function)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, function, NULL) || pthread_join(thread, NULL))
		die("run a thread");
}

static void run_child(int flags)
{
	static char stack[65536] __attribute__((aligned(16)));
	int status, child = clone(in_child, stack + sizeof stack, flags | SIGCHLD, NULL);

	if (child < 0 || waitpid(child, &status, 0) != child)
		die("run a child");
	check_equal("the child's status", 0, (uint64_t)status);
}

int main(void)
{
	pthread_t thread;

	kept = make_file();
	join(with_unshare);
	check_kept("after a thread that unshared its descriptors");
	join(with_close_range);
	check_kept("after close_range(CLOSE_RANGE_UNSHARE)");
	run_child(CLONE_VM);
	check_kept("after a process that shares memory but not descriptors");
	run_child(0);
	check_kept("after a forked process");

	/* The thread's enclave before it is mapped, while the main thread closes files and devices. */
	vdso_find();
	pthread_barrier_init(&barrier, NULL, 2);
	if (pthread_create(&thread, NULL, builder, NULL))
		die("start a thread");
	meet();
	for (int i = 0; i < 3; i++) {
		close(dup(kept));
		close(open("/dev/sgx_enclave", O_RDWR));
	}
	meet();
	meet();
	close(open("/dev/sgx_enclave", O_RDWR));
	service_build(&service, NULL);
	check_equal("the thread's enclave, entered by another thread after its file was closed", 5,
		    service_do(&thread_service, 0, OP_READ, thread_service.data, 0, 0, 0));
	meet();
	pthread_join(thread, NULL);
	check_equal("the same after its thread has ended", 5,
		    service_do(&thread_service, 0, OP_READ, thread_service.data, 0, 0, 0));
	service_do(&service, 0, OP_WRITE, service.data, 6, 0, 0);

	/* A process that shares the table and nothing else: what it closes is closed here. */
	long child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	int status;

	if (child == 0) {
		int fd = open("/dev/sgx_enclave", O_RDWR);

		_exit(fd < 0 ? 255 : fd);
	}
	if (child < 0 || waitpid((pid_t)child, &status, 0) != child || !WIFEXITED(status))
		die("run a process that shares the descriptors");
	struct sgx_enclave_init init = { 0 };

	check_errno("INIT before CREATE, by a descriptor that another process opened", EINVAL,
		    ioctl(WEXITSTATUS(status), SGX_IOC_ENCLAVE_INIT, &init));
	close(WEXITSTATUS(status));
	check_kept("at the end");
	return 0;
}
