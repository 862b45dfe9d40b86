/*
 * A program puts itself under a seccomp filter that allows what it needs, before
 * it opens the device, and does everything else under it: it builds an enclave,
 * grows it, forks, and execs itself to do it once more. What the filter does not
 * allow has the outcome that the filter says: the program dies by SIGSYS, gets
 * that signal or an error, or its supervisor is asked.
 *
 * Kernel: a filter sees the system calls of the program and no others; where
 * several filters stand, the strictest answer wins; TRACE without a tracer that
 * asked for it is ENOSYS.
 * Source: seccomp(2); Linux kernel/seccomp.c, __seccomp_filter;
 * Documentation/userspace-api/seccomp_filter.rst.
 *
 * Run: --isolation=fast -- kill
 * Run: --isolation=strict -- errno
 * Run: --isolation=fast -- trap
 * Run: --isolation=fast -- trace
 * Run: --attach=begin --isolation=fast -- notify
 * Run: --presence=mprotect -- kill
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

/* What libc, libcrypto and the service need. Not among them: memfd_create,
 * userfaultfd, mremap, modify_ldt, seccomp, prctl, madvise and getppid. */
static const int allowed[] = {
	SYS_read, SYS_write, SYS_openat, SYS_open, SYS_close, SYS_mmap, SYS_mprotect, SYS_munmap, SYS_ioctl,
	SYS_fstat, SYS_newfstatat, SYS_lseek, SYS_pread64, SYS_brk, SYS_rt_sigreturn, SYS_rt_sigaction,
	SYS_rt_sigprocmask, SYS_getrandom, SYS_prlimit64, SYS_futex, SYS_getpid, SYS_gettid, SYS_exit,
	SYS_exit_group, SYS_execve, SYS_access, SYS_arch_prctl, SYS_set_tid_address, SYS_set_robust_list,
	SYS_rseq, SYS_clone, SYS_clone3, SYS_fork, SYS_wait4, SYS_sysinfo, SYS_tgkill, SYS_kill,
	SYS_restart_syscall, SYS_clock_gettime, SYS_sched_yield,
};
#define ALLOWED (sizeof(allowed) / sizeof(*allowed))

static volatile int trapped;
static int listener = -1;

static void on_sigsys(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	trapped = info->si_syscall;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = 4711;
}

/* Answers what the filter asks: getppid is 4712. */
static void *supervise(void *argument)
{
	struct seccomp_notif notification;
	struct seccomp_notif_resp response;

	(void)argument;
	for (;;) {
		int descriptor = __atomic_load_n(&listener, __ATOMIC_ACQUIRE);

		if (descriptor < 0) {
			usleep(1000);
			continue;
		}
		memset(&notification, 0, sizeof(notification));
		if (ioctl(descriptor, SECCOMP_IOCTL_NOTIF_RECV, &notification) != 0)
			continue;
		memset(&response, 0, sizeof(response));
		response.id = notification.id;
		if (notification.data.nr == SYS_getppid)
			response.val = 4712;
		else
			response.error = -EPERM;
		ioctl(descriptor, SECCOMP_IOCTL_NOTIF_SEND, &response);
	}
	return NULL;
}

static void install(uint32_t action, int by_prctl)
{
	struct sock_filter filter[ALLOWED + 8];
	struct sock_fprog program = { 0, filter };
	unsigned n = 0;
	long result;

	/* A is 0 at the first instruction; what is not x86-64 dies. */
	filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	filter[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < ALLOWED; i++)
		filter[n + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed[i],
							     (uint8_t)(ALLOWED - i), 0);
	n += ALLOWED;
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
	filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = (unsigned short)n;
	check_errno("no new privileges", 0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (by_prctl)
		result = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
	else
		result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				 action == SECCOMP_RET_USER_NOTIF ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0, &program);
	check_errno("install the filter", 0, result);
	if (action == SECCOMP_RET_USER_NOTIF)
		__atomic_store_n(&listener, (int)result, __ATOMIC_RELEASE);
}

/* An enclave is built, fills and verifies its heap, and accepts new pages. */
static void use_an_enclave(void)
{
	struct service service = { 0 };

	service_build(&service, &(struct service_options){ .heap_length = 32 * PAGE });
	service_do(&service, 0, OP_FILL, service.heap, 1, 32, 0);
	check_equal("numbers that are different", 0, service_do(&service, 0, OP_VERIFY, service.heap, 1, 32, 0));
	for (uint64_t i = 0; i < 16; i++)
		check_equal("EACCEPT of a new page", 0,
			    service_accept(&service, 0, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING,
					   service.room + i * PAGE, 0));
}

/* A call that is not on the list. */
static void call_what_is_refused(const char *action)
{
	int status;
	pid_t pid;

	if (strcmp(action, "kill") == 0) {
		pid = fork();
		if (pid == 0) {
			syscall(SYS_getppid);
			_exit(0);
		}
		if (waitpid(pid, &status, 0) != pid)
			die("wait for the child");
		check("the child died", WIFSIGNALED(status));
		check_equal("the signal that ended the child", SIGSYS, (uint64_t)WTERMSIG(status));
	} else if (strcmp(action, "errno") == 0) {
		check_errno("getppid", EXDEV, syscall(SYS_getppid));
	} else if (strcmp(action, "trace") == 0) {
		check_errno("getppid", ENOSYS, syscall(SYS_getppid));
		check_errno("memfd_create", ENOSYS, syscall(SYS_memfd_create, "name", 0));
	} else if (strcmp(action, "notify") == 0) {
		check_equal("what the supervisor said", 4712, (uint64_t)syscall(SYS_getppid));
	} else {
		check_equal("what the handler put", 4711, (uint64_t)syscall(SYS_getppid));
		check_equal("the number that the handler saw", SYS_getppid, (uint64_t)trapped);
	}
}

int main(int argc, char **argv)
{
	static const struct { const char *name; uint32_t action; } actions[] = {
		{ "kill", SECCOMP_RET_KILL_PROCESS }, { "errno", SECCOMP_RET_ERRNO | EXDEV },
		{ "trap", SECCOMP_RET_TRAP }, { "trace", SECCOMP_RET_TRACE | 7 }, { "notify", SECCOMP_RET_USER_NOTIF },
	};
	const char *action = argc > 1 ? argv[1] : "kill";
	struct sigaction handler = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };
	pthread_t supervisor;
	int status;
	pid_t pid;

	sigaction(SIGSYS, &handler, NULL);
	if (argc == 2) {
		check_equal("the mode of a program without filters", 0, (uint64_t)prctl(PR_GET_SECCOMP));
		for (unsigned i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
			if (strcmp(action, actions[i].name) != 0)
				continue;
			if (actions[i].action == SECCOMP_RET_USER_NOTIF &&
			    pthread_create(&supervisor, NULL, supervise, NULL) != 0)
				die("start the supervisor");
			install(actions[i].action, i == 0);
		}
	}
	use_an_enclave();
	call_what_is_refused(action);
	if (argc > 2)
		return 0;

	/* The child has the filter, and so has what it executes. */
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		use_an_enclave();
		execl("/proc/self/exe", "own_filter", action, "again", (char *)NULL);
		_exit(99);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("wait for the child");
	check_equal("the child's wait status", 0, (uint64_t)status);
	return 0;
}
