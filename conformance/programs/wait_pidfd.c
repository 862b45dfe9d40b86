/*
 * A child whose pidfd is readable can be waited for.
 *
 * Kernel: a process that ends becomes a zombie and notifies its pidfd and its
 * parent in one step: poll() says POLLIN no sooner than a wait with WNOHANG
 * finds it. The event loops that watch children so (tokio, GLib, the kernel's
 * own kselftest_harness.h since Linux 7.0) take "still running" for an error.
 * Source: Linux kernel/exit.c, exit_notify; kernel/signal.c, do_notify_parent;
 * pidfd_open(2), PIDFD_NONBLOCK.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define ROUNDS 40
#define STATUS 3
#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#define PIDFD_NONBLOCK 04000

static int open_pidfd(pid_t pid, unsigned flags)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, flags);

	if (fd < 0)
		die("pidfd_open");
	return fd;
}

static void await(int pidfd)
{
	struct pollfd poller = { pidfd, POLLIN, 0 };

	while (poll(&poller, 1, -1) != 1)
		if (errno != EINTR)
			die("poll");
}

static void *end(void *argument)
{
	_exit(STATUS);
	return argument;
}

static void *sleep_on(void *argument)
{
	pause();
	return argument;
}

/* Children that end in each of the ways there are. */
static void child(int round)
{
	pthread_t thread;

	switch (round % 4) {
	case 0:
		_exit(STATUS);
	case 1: /* by another thread */
		pthread_create(&thread, NULL, end, NULL);
		for (;;)
			pause();
	case 2: /* with other threads */
		pthread_create(&thread, NULL, sleep_on, NULL);
		pthread_create(&thread, NULL, sleep_on, NULL);
		_exit(STATUS);
	default: /* the main thread first */
		pthread_create(&thread, NULL, end, NULL);
		pthread_exit(NULL);
	}
}

static void check_status(const char *what, int status)
{
	check(what, WIFEXITED(status) && WEXITSTATUS(status) == STATUS);
}

int main(void)
{
	siginfo_t info;
	int status;

	for (int round = 0; round < ROUNDS; round++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0)
			child(round / 5);
		int pidfd = open_pidfd(pid, round % 5 == 3 ? PIDFD_NONBLOCK : 0);

		await(pidfd);
		switch (round % 5) {
		case 0:
			check_equal("waitpid(WNOHANG)", (uint64_t)pid, (uint64_t)waitpid(pid, &status, WNOHANG));
			check_status("status by waitpid", status);
			break;
		case 1:
			check_equal("wait4(-1, WNOHANG)", (uint64_t)pid, (uint64_t)wait4(-1, &status, WNOHANG, NULL));
			check_status("status by wait4", status);
			break;
		case 2: /* first only a look */
			info.si_pid = 0;
			check_errno("waitid(WNOWAIT)", 0, waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT));
			check_equal("the child that waitid sees", (uint64_t)pid, (uint64_t)info.si_pid);
			info.si_pid = 0;
			check_errno("waitid(P_PIDFD)", 0, waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG));
			check_equal("the child that its pidfd gives", (uint64_t)pid, (uint64_t)info.si_pid);
			break;
		case 3: /* the descriptor says that nobody waits */
			info.si_pid = 0;
			check_errno("waitid(P_PIDFD) of a non-blocking pidfd", 0, waitid((idtype_t)P_PIDFD, (id_t)pidfd, &info, WEXITED));
			check_equal("status by waitid", STATUS, (uint64_t)info.si_status);
			break;
		default:
			check_equal("waitpid", (uint64_t)pid, (uint64_t)waitpid(pid, &status, 0));
			check_status("status by a wait that would wait", status);
		}
		close(pidfd);
	}

	/* A child that is killed, and an orphan that becomes this process's child. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		die("prctl");
	for (int round = 0; round < 10; round++) {
		volatile pid_t *orphan = mmap(NULL, sizeof *orphan, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		pid_t pid = fork();

		if (pid == 0) {
			if ((pid = fork()) != 0)
				*orphan = pid;
			for (;;)
				pause();
		}
		while (*orphan == 0)
			sched_yield();
		int pidfd = open_pidfd(pid, 0), orphans = open_pidfd(*orphan, 0);

		kill(pid, SIGKILL);
		await(pidfd);
		check_equal("waitpid(WNOHANG) of a killed child", (uint64_t)pid, (uint64_t)waitpid(pid, &status, WNOHANG));
		kill(*orphan, SIGTERM);
		await(orphans);
		check_equal("waitpid(WNOHANG) of an orphan", (uint64_t)*orphan, (uint64_t)waitpid(-1, &status, WNOHANG));
		check("the signal that ended it", WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
		close(pidfd);
		close(orphans);
	}

	/* And one that runs is not there. */
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	check_equal("waitpid(WNOHANG) of a child that runs", 0, (uint64_t)waitpid(pid, &status, WNOHANG));
	check_errno("waitid of a non-blocking pidfd of a child that runs", EAGAIN,
		    waitid((idtype_t)P_PIDFD, (id_t)open_pidfd(pid, PIDFD_NONBLOCK), &info, WEXITED));
	kill(pid, SIGKILL);
	check_equal("waitpid of it", (uint64_t)pid, (uint64_t)waitpid(pid, &status, 0));
	return 0;
}
