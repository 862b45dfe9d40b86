/*
 * Descriptors of a node that go from process to process.
 *
 * Kernel: the enclave belongs to the open file. It is open while it is on its
 * way in a socket; whoever gets it, by SCM_RIGHTS or over exec, can do all that
 * who opened it could; the enclave lives until the last file and the last
 * mapping are gone, wherever they are. The file behind a number, opened anew by
 * /proc, is another open file.
 * Source: unix(7), SCM_RIGHTS; Linux arch/x86/kernel/cpu/sgx/driver.c,
 * sgx_open, sgx_mmap, sgx_release.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static struct service service;

struct message {
	uint64_t base, size, data, threads, room;
};

static void send_file(int socket, int fd)
{
	struct message m = { service.enclave.base, service.enclave.size, service.data, service.threads, service.room };
	char control[CMSG_SPACE(sizeof fd)] = { 0 };
	struct iovec vector = { &m, sizeof m };
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *rights = CMSG_FIRSTHDR(&header);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(rights), &fd, sizeof fd);
	if (sendmsg(socket, &header, 0) != sizeof m)
		die("sendmsg");
}

static int receive_file(int socket)
{
	struct message m;
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec vector = { &m, sizeof m };
	struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	int fd;

	if (recvmsg(socket, &header, 0) != sizeof m || !CMSG_FIRSTHDR(&header))
		die("recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof fd);
	service.enclave.fd = fd;
	service.enclave.base = m.base;
	service.enclave.size = m.size;
	service.data = m.data;
	service.threads = m.threads;
	service.room = service.code = service.heap = m.room;
	return fd;
}

/* All that a process does which opened the device itself. */
static void use_received(void)
{
	uint64_t page = service.room;

	vdso_find();
	enclave_reserve(service.enclave.base, service.enclave.size);
	service_map(&service);
	check_equal("what the builder wrote", 11, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	check_equal("EACCEPT", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING, page, 0));
	check_errno("an ioctl", 0, enclave_restrict(&service.enclave, page, PAGE, SECINFO_R, NULL, NULL));
	check_equal("EACCEPT of fewer permissions", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_PR, page, 0));
	check_errno("fallocate", ENODEV, fallocate(service.enclave.fd, 0, 0, PAGE));
	check_errno("mremap to more", EFAULT, mremap((void *)page, PAGE, 2 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
	close(service.enclave.fd);
	munmap((void *)(service.room + 64 * PAGE), PAGE);
	check_equal("without a file", 11, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	munmap((void *)service.enclave.base, service.enclave.size);
}

static void wait_for(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child)
		die("run a process");
	check_equal("a process's status", 0, (uint64_t)status);
}

static void build(void)
{
	service_build(&service, NULL);
	service_do(&service, 0, OP_WRITE, service.data, 11, 0, 0);
}

int main(int argc, char **argv)
{
	struct sgx_enclave_init init = { 0 };
	struct stat status;
	char number[16], path[64];
	int pair[2], fd, again;
	pid_t child;

	if (argc > 1) {
		/* Executed with the socket under this number. */
		fd = receive_file(atoi(argv[1]));
		use_received();
		return 0;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		die("socketpair");

	/* On its way, it is open; the same number is something else meanwhile. */
	child = fork();
	if (child == 0) {
		build();
		munmap((void *)service.enclave.base, service.enclave.size);
		send_file(pair[1], service.enclave.fd);
		close(service.enclave.fd);
		close(open("/dev/null", O_RDONLY));
		for (int i = 0; i < 3; i++)
			close(open("/dev/sgx_enclave", O_RDWR));
		_exit(0);
	}
	wait_for(child);

	/* This process has not opened the device; its builder is gone. */
	fd = receive_file(pair[0]);
	check_errno("INIT a second time", EINVAL, ioctl(fd, SGX_IOC_ENCLAVE_INIT, &init));
	check("the node is a character device", !fstat(fd, &status) && S_ISCHR(status.st_mode));
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	again = open(path, O_RDWR);
	check_errno("CREATE's lack on a file opened anew", EINVAL, ioctl(again, SGX_IOC_ENCLAVE_INIT, &init));
	close(again);
	snprintf(path, sizeof path, "/proc/%d/task/%ld/fd/%d", getpid(), syscall(SYS_gettid), fd);
	check("the node by a thread's link", !stat(path, &status) && S_ISCHR(status.st_mode));
	use_received();

	/* Received by a program that was executed. */
	child = fork();
	if (child == 0) {
		build();
		send_file(pair[1], service.enclave.fd);
		_exit(0);
	}
	wait_for(child);
	child = fork();
	if (child == 0) {
		snprintf(number, sizeof number, "%d", pair[0]);
		execl("/proc/self/exe", argv[0], number, (char *)NULL);
		_exit(127);
	}
	wait_for(child);
	return 0;
}
