/*
 * SYSCALL inside an enclave, however many enclaves there were.
 *
 * Hardware: SYSCALL is #UD inside, in every thread and every enclave, whether the
 * code was there at the beginning or was written later. What is outside pays
 * nothing for the enclaves that there were.
 * Source: SDM 3D, "Illegal Instructions"; seccomp(2): filters stay for ever, and
 * each system call runs them all.
 */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
#define ENCLAVES 300
#define MOST_FILTERS 17

/* mov %r11, %rsi; mov $39, %eax (getpid); at 8: syscall or nops; jmp *%rsi */
static const uint8_t quiet[] = { 0x4c, 0x89, 0xde, 0xb8, 39, 0, 0, 0, 0x90, 0x90, 0xff, 0xe6 };
static const uint8_t calls[] = { 0x4c, 0x89, 0xde, 0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xff, 0xe6 };
#define AT 8

static struct service service;
static int go[2];

/* Code is written into a page that is executable and has run. */
static void expect_no_call(const char *what, unsigned thread)
{
	struct sgx_enclave_run run;
	struct call call = { .operation = OP_JUMP, .a = service.room + thread * PAGE };
	struct call skip = { .operation = OP_EXCEPTION, .a = 2 };

	check_equal("EACCEPT", 0, service_accept(&service, thread, EACCEPT, RW | SECINFO_PENDING, call.a, 0));
	service_accept(&service, thread, EMODPE, RW | SECINFO_X, call.a, 0);
	service_do(&service, thread, OP_COPY, call.a, (uint64_t)quiet, sizeof quiet, 0);
	check_equal("what the code without a call returns", 39, service_call(&service, thread, &call));
	service_do(&service, thread, OP_COPY, call.a, (uint64_t)calls, sizeof calls, 0);
	for (int i = 0; i < 3; i++) {
		service_expect_exception(&service, thread, &call, what, VECTOR_UD, &run);
		check_equal("RIP at the exception", call.a + AT, service_call(&service, thread, &skip) & ~0ul);
		service_resume(&service, thread);
		check_equal("RAX after the call that was none", 39, call.result);
	}
}

static void *early(void *argument)
{
	char byte;

	/* It was there before the enclave. */
	if (read(go[0], &byte, 1) != 1)
		die("read");
	expect_no_call("SYSCALL in a thread older than the enclave", 1);
	return argument;
}

/* A filter of the program's own: allows all. */
static void *filtered(void *argument)
{
	struct sock_filter filter[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { 1, filter };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		die("PR_SET_SECCOMP");
	expect_no_call("SYSCALL in a thread with a filter of its own", 2);
	return argument;
}

static unsigned filters(void)
{
	char line[256];
	unsigned count = 0;
	FILE *status = fopen("/proc/self/status", "r");

	while (status != NULL && fgets(line, sizeof line, status) != NULL)
		sscanf(line, "Seccomp_filters: %u", &count);
	if (status != NULL)
		fclose(status);
	return count;
}

static void create_many(void)
{
	static struct secs secs __attribute__((aligned(4096)));
	const uint64_t size = 1ul << 20;
	uint64_t base = enclave_reserve(0, size * ENCLAVES);

	base = (base + size - 1) & ~(size - 1);
	for (unsigned i = 0; i < ENCLAVES; i++) {
		struct sgx_enclave_create create = { .src = (uint64_t)&secs };
		int fd = open("/dev/sgx_enclave", O_RDWR);

		memset(&secs, 0, sizeof secs);
		secs.size = size;
		secs.base = base + i * size;
		secs.ssa_frame_size = 1;
		secs.attributes = ATTRIBUTE_MODE64BIT;
		secs.xfrm = 3;
		if (fd < 0)
			die("open");
		check_errno("CREATE", 0, ioctl(fd, SGX_IOC_ENCLAVE_CREATE, &create));
		close(fd);
	}
}

int main(void)
{
	const struct service_options options = { .threads = 5 };
	pthread_t older, later;
	unsigned before = filters();
	int status;
	pid_t child;

	if (pipe(go) != 0 || pthread_create(&older, NULL, early, NULL) != 0)
		die("a thread");
	create_many();
	service_build(&service, &options);
	check("filters that the enclaves have added", filters() <= before + MOST_FILTERS);
	expect_no_call("SYSCALL in the enclave made last", 0);
	if (write(go[1], "", 1) != 1)
		die("write");
	pthread_join(older, NULL);
	if (pthread_create(&later, NULL, filtered, NULL) != 0)
		die("a thread");
	pthread_join(later, NULL);
	child = fork();
	if (child == 0) {
		expect_no_call("SYSCALL in a child of fork", 3);
		_exit(getppid() > 0 ? 0 : 1);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		die("fork");
	check_equal("status of the child", 0, (uint64_t)status);
	check("calls outside work", getppid() > 0 && getpid() > 0);
	return 0;
}
