/*
 * seccomp's strict mode: read, write, _exit and rt_sigreturn are all that is
 * left. An enclave that is there can still be entered, for that is no system
 * call, and its pages still come. Every other call is SIGKILL.
 *
 * Kernel: the mode is 0 before; with arguments that are not 0, EINVAL; under a
 * filter, EINVAL.
 * Source: seccomp(2), SECCOMP_SET_MODE_STRICT; Linux kernel/seccomp.c,
 * seccomp_set_mode_strict, seccomp_may_assign_mode, __secure_computing_strict.
 *
 * Run: --isolation=fast -- seccomp
 * Run: --presence=mprotect -- prctl
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static long enter_strict(int by_prctl)
{
	return by_prctl ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0)
			: syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL);
}

/* Runs work in a child in strict mode; its wait status. */
static int in_strict_mode(int by_prctl, void (*work)(void))
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		check_errno("strict mode", 0, enter_strict(by_prctl));
		work();
		syscall(SYS_exit, 42);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("wait for the child");
	return status;
}

static struct service service;

static void nothing(void)
{
}

static void use_the_enclave(void)
{
	service_do(&service, 0, OP_FILL, service.heap, 3, 16, 0);
	if (service_do(&service, 0, OP_VERIFY, service.heap, 3, 16, 0) != 0)
		syscall(SYS_exit, 1);
}

static void ask(void)
{
	syscall(SYS_getpid);
}

static void open_a_file(void)
{
	syscall(SYS_openat, -100, "/dev/null", 0);
}

int main(int argc, char **argv)
{
	int by_prctl = argc > 1 && strcmp(argv[1], "prctl") == 0, status;
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { 1, &allow };

	service_build(&service, &(struct service_options){ .heap_length = 16 * PAGE });
	service_do(&service, 0, OP_NOTHING, 0, 0, 0, 0); /* the stack is there now */
	check_equal("the mode", 0, (uint64_t)prctl(PR_GET_SECCOMP));
	check_errno("strict mode with flags", EINVAL, syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL));
	check_errno("strict mode with arguments", EINVAL, syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, &program));
	check_equal("exit status of a child that does nothing", 42 << 8, (uint64_t)in_strict_mode(by_prctl, nothing));
	check_equal("exit status of a child that enters", 42 << 8, (uint64_t)in_strict_mode(by_prctl, use_the_enclave));
	status = in_strict_mode(by_prctl, ask);
	check("getpid ends the child", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	status = in_strict_mode(by_prctl, open_a_file);
	check("openat ends the child", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

	check_errno("no new privileges", 0, prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	check_errno("a filter", 0, prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
	check_equal("the mode", SECCOMP_MODE_FILTER, (uint64_t)prctl(PR_GET_SECCOMP));
	check_errno("strict mode under a filter", EINVAL, enter_strict(by_prctl));
	return 0;
}
