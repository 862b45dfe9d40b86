/* Forks, vforks, threads, programs; waits of each kind; descriptors that go to others. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "wild.h"

#define GOOD 7

extern char **environ;

/* Waits in one of the ways there are. killed: SIGKILL may have been quicker. */
static void await(struct lane *lane, pid_t pid, bool killed, const char *kind)
{
	int status = 0, pidfd;
	struct pollfd poller = { .events = POLLIN };
	pid_t waited;

	if (pid < 0) {
		check_equal("errno of a fork for want of something", EAGAIN, errno == ENOMEM ? EAGAIN : (uint64_t)errno);
		return;
	}
	switch (below(lane, 3)) {
	case 0:
		poller.fd = pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		check_errno("pidfd_open", 0, pidfd < 0 ? -1 : 0);
		while (poll(&poller, 1, -1) != 1)
			check("poll is interrupted only", errno == EINTR);
		waited = waitpid(pid, &status, WNOHANG);
		close(pidfd);
		break;
	case 1:
		while ((waited = waitpid(pid, &status, WNOHANG)) == 0)
			sched_yield();
		break;
	default:
		while ((waited = waitpid(pid, &status, 0)) < 0)
			check("waitpid is interrupted only", errno == EINTR);
	}
	check_equal("the child that was waited for", (uint64_t)pid, (uint64_t)waited);
	if (killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return;
	check_equal(kind, GOOD << 8, (uint64_t)status);
}

/* The child has the enclave and one thread. */
static void forked(struct lane *lane)
{
	switch (below(lane, 5)) {
	case 0:
		check_everything(lane);
		break;
	case 1:
		munmap((void *)lane->service->enclave.base, lane->service->enclave.size);
		break;
	case 2:
		step_of_host(lane);
		break;
	case 3: { /* a grandchild, which may become an orphan: it must not enter then, for the lane does, and a TCS is one thread's */
		bool orphan = below(lane, 2);
		pid_t pid = fork();

		if (pid == 0) {
			if (orphan)
				step_of_host(lane);
			else
				check_equal("the lane's page in a grandchild", lane->value, enter(lane, OP_READ, lane->page, 0, 0, 0));
			_exit(GOOD);
		}
		if (!orphan)
			await(lane, pid, false, "how a grandchild ended");
		break;
	}
	default:
		check_equal("the lane's page in a child", lane->value, enter(lane, OP_READ, lane->page, 0, 0, 0));
	}
	_exit(GOOD);
}

static void *run_in_thread(void *argument)
{
	struct lane *lane = argument;

	check_equal("the lane's page in another thread", lane->value, enter(lane, OP_READ, lane->page, 0, 0, 0));
	return NULL;
}

/* A process with this one's memory: it may do nothing that libc would mind. */
static int sharing(void *argument)
{
	struct lane *lane = argument;

	syscall(SYS_mprotect, lane->page, PAGE, PROT_READ | PROT_WRITE);
	syscall(SYS_getppid);
	return GOOD;
}

static void pass_descriptor(struct lane *lane)
{
	int pair[2], copy = -1;
	char byte = 1, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec part = { &byte, 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	check_errno("socketpair", 0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &lane->service->enclave.fd, sizeof(int));
	check_equal("sendmsg", 1, (uint64_t)sendmsg(pair[0], &message, 0));
	check_equal("recvmsg", 1, (uint64_t)recvmsg(pair[1], &message, 0));
	if ((header = CMSG_FIRSTHDR(&message)) != NULL)
		memcpy(&copy, CMSG_DATA(header), sizeof(int));
	check("a descriptor came", copy >= 0);
	check("an ioctl that there is not, of a descriptor that came", ioctl(copy, 0xa4ff, NULL) == -1 && (errno == ENOTTY || errno == EBUSY));
	close(copy);
	close(pair[0]);
	close(pair[1]);
}

void step_of_children(struct lane *lane, const char *self)
{
	char *nothing[] = { (char *)self, "--nothing", NULL };
	char *own_stack;
	pthread_t thread;
	pid_t pid = -1, parent = getpid();

	switch (below(lane, 8)) {
	case 0:
	case 1:
		if ((pid = fork()) == 0)
			forked(lane);
		await(lane, pid, false, "how a child of fork ended");
		break;
	case 2: /* killed at any moment */
		if ((pid = fork()) == 0) {
			/* Its parent may be killed as well. */
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			/* Not inside: on hardware the TCS would keep a frame for ever. */
			while (getppid() == parent)
				step_of_host(lane);
			_exit(GOOD);
		}
		for (uint64_t i = below(lane, 200); i > 0; i--)
			sched_yield();
		if (pid > 0)
			kill(pid, SIGKILL);
		await(lane, pid, true, "how a child that was killed ended");
		break;
	case 3:
		if ((pid = vfork()) == 0) {
			execv(self, nothing);
			_exit(1);
		}
		await(lane, pid, false, "how a child of vfork ended");
		break;
	case 4:
		if (posix_spawn(&pid, self, NULL, NULL, nothing, environ) == 0)
			await(lane, pid, false, "how a child of posix_spawn ended");
		break;
	case 5:
		if (pthread_create(&thread, NULL, run_in_thread, lane) == 0)
			pthread_join(thread, NULL);
		break;
	case 6:
		own_stack = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (own_stack == MAP_FAILED)
			break;
		await(lane, clone(sharing, own_stack + 4 * PAGE, CLONE_VM | SIGCHLD, lane), false, "how a child of clone ended");
		munmap(own_stack, 4 * PAGE);
		break;
	default:
		pass_descriptor(lane);
	}
}
