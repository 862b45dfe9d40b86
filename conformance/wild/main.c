/* The supervisor: begins workers, stops them, lets them go on, kills them, and sees to it that they get on. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "sign.h"
#include "wild.h"

#define HUNG_SECONDS 30

static struct {
	pid_t pid;
	struct sign *sign;
	uint64_t seen;
	time_t changed;
} workers[WORKERS];
static uint64_t begun;

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static void begin(const char *self, unsigned i, uint64_t seed)
{
	memset(workers[i].sign, 0, sizeof *workers[i].sign);
	workers[i].seen = 0;
	workers[i].changed = now();
	workers[i].pid = fork();
	if (workers[i].pid < 0)
		die("fork a worker");
	if (workers[i].pid == 0) {
		begun = 0;
		worker(self, seed, workers[i].sign);
	}
	begun++;
}

static void show(pid_t pid)
{
	char command[256];

	snprintf(command, sizeof command, "for t in /proc/%d/task/*; do grep -E '^(Pid|State|TracerPid)' $t/status; cat $t/syscall; done >&2", pid);
	if (system(command) != 0)
		fprintf(stderr, "it is gone\n");
}

/* Ends everything, for the worse. */
static void fail(void)
{
	for (unsigned i = 0; i < WORKERS; i++)
		kill(workers[i].pid, SIGKILL);
	exit(1);
}

static bool is_over(pid_t pid)
{
	for (unsigned i = 0; i < WORKERS; i++)
		if (workers[i].pid == pid)
			workers[i].pid = 0;
	return pid < 0;
}

/* Threads and processes get the numbers again that others had just before, where this may be asked for. proc_sys_kernel(5), ns_last_pid. */
static void reuse_numbers(void)
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	dprintf(fd, "%d", (int)getpid());
	close(fd);
}

int main(int count, char **arguments)
{
	struct lane chance = { 0 };
	struct sigstruct any = { 0 };
	uint64_t seed = (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid(), total = 0;
	long seconds = 2;
	int status;
	pid_t pid;

	for (int i = 1; i < count; i++) {
		if (strcmp(arguments[i], "--nothing") == 0)
			return 7;
		if (i + 1 < count && strcmp(arguments[i], "--seed") == 0)
			seed = strtoull(arguments[++i], NULL, 0);
		else if (i + 1 < count && strcmp(arguments[i], "--seconds") == 0)
			seconds = strtol(arguments[++i], NULL, 0);
	}
	printf("wild: seed %llu\n", (unsigned long long)seed);
	fflush(stdout);
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		die("prctl");
	/* Make the key now, once for all of the workers. */
	sigstruct_sign(&any);
	chance.random = seed | 1;
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i].sign = mmap(NULL, sizeof(struct sign), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (workers[i].sign == MAP_FAILED)
			die("map a sign");
		begin(arguments[0], i, below(&chance, 1ul << 32));
	}
	for (time_t end = now() + seconds; now() < end;) {
		struct timespec pause = { 0, 10000000 + (long)below(&chance, 50000000) };
		unsigned i = (unsigned)below(&chance, WORKERS);

		nanosleep(&pause, NULL);
		switch (below(&chance, 32)) {
		case 0:
			total += workers[i].sign->total;
			kill(workers[i].pid, SIGKILL);
			break;
		case 1:
			kill(workers[i].pid, SIGSTOP);
			nanosleep(&pause, NULL);
			kill(workers[i].pid, SIGCONT);
			break;
		case 2:
		case 3:
			reuse_numbers();
			break;
		default:
			break;
		}
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			bool is_worker = pid == workers[0].pid || pid == workers[1].pid;

			/* Orphans end by themselves, or were killed. */
			if ((WIFEXITED(status) && (is_worker || WEXITSTATUS(status) != 7)) || (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)) {
				fprintf(stderr, "wild: %s ended with status 0x%x\n", is_worker ? "a worker" : "an orphan", status);
				fail();
			}
			for (unsigned j = 0; j < WORKERS; j++)
				if (workers[j].pid == pid)
					begin(arguments[0], j, below(&chance, 1ul << 32));
		}
		for (unsigned j = 0; j < WORKERS; j++) {
			uint64_t steps = workers[j].sign->total;

			if (steps != workers[j].seen) {
				workers[j].seen = steps;
				workers[j].changed = now();
			} else if (now() - workers[j].changed > HUNG_SECONDS) {
				fprintf(stderr, "wild: worker %d does not get on\n", (int)workers[j].pid);
				show(workers[j].pid);
				fail();
			}
		}
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		total += workers[i].sign->total;
		kill(workers[i].pid, SIGKILL);
	}
	for (time_t end = now() + HUNG_SECONDS; !is_over(pid = waitpid(-1, &status, WNOHANG));) {
		check("everything ends at the end", now() < end);
		if (pid == 0)
			usleep(1000);
	}
	printf("wild: %llu steps, %llu workers\n", (unsigned long long)total, (unsigned long long)begun);
	return 0;
}
