/*
 * deny ERRNO NAME... -- COMMAND: executes a command under a seccomp filter that
 * answers some system calls with an error, as the profile of a container does.
 * The name "unknown" stands for every number above the kernel's table.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL(name) { #name, SYS_##name }

static const struct { const char *name; unsigned number; } calls[] = {
	CALL(add_key), CALL(arch_prctl), CALL(bpf), CALL(clone3), CALL(get_mempolicy), CALL(io_uring_setup), CALL(kcmp),
	CALL(keyctl), CALL(mbind), CALL(memfd_create), CALL(membarrier), CALL(modify_ldt), CALL(mount), CALL(mremap),
	CALL(perf_event_open), CALL(personality), CALL(pidfd_getfd), CALL(pidfd_open), CALL(pkey_alloc), CALL(pkey_mprotect),
	CALL(prlimit64), CALL(process_madvise), CALL(process_vm_readv), CALL(process_vm_writev), CALL(ptrace),
	CALL(request_key), CALL(sched_getaffinity), CALL(sched_setaffinity), CALL(seccomp), CALL(set_mempolicy),
	CALL(setns), CALL(umount2), CALL(unshare), CALL(userfaultfd), { "unknown", 0 },
};

static struct sock_filter filter[256];
static unsigned short count;

static void add(struct sock_filter instruction)
{
	filter[count++] = instruction;
}

static unsigned number(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].number;
	fprintf(stderr, "deny: %s is not in its table\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	struct sock_fprog program = { 0, filter };
	unsigned error = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
	int i = 2;

	add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
	for (; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "unknown") == 0)
			add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 511, 0, 1));
		else
			add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number(argv[i]), 0, 1));
		add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error));
	}
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	if (i + 1 >= argc) {
		fprintf(stderr, "usage: deny ERRNO NAME... -- COMMAND\n");
		return 2;
	}
	program.len = count;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
		perror("deny: the filter");
		return 2;
	}
	execvp(argv[i + 1], argv + i + 1);
	perror("deny: execute");
	return 2;
}
