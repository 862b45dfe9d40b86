/*
 * Children of fork that are killed at any moment, also before they have run a single
 * instruction, leave nothing: the tracer, whose id /proc/self/status tells, has as
 * many descriptors afterwards as before. proc(5).
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define KILLS 900
#define SPARE 2

static int tracer(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[256];
	int id = 0;

	while (status && fgets(line, sizeof line, status) && sscanf(line, "TracerPid: %d", &id) != 1)
		;
	if (status)
		fclose(status);
	return id;
}

static unsigned descriptors(int process)
{
	char path[64];
	unsigned count = 0;
	DIR *directory;

	snprintf(path, sizeof path, "/proc/%d/fd", process);
	directory = opendir(path);
	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count;
}

static void kill_children(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				sched_yield();
		if (pid < 0)
			die("fork");
		for (unsigned yields = i % 60; yields > 0; yields--)
			sched_yield();
		if (i % 3 == 0)
			usleep(i % 50 * 40);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

int main(void)
{
	struct service service;
	unsigned before, after;
	int id = tracer();

	if (id == 0)
		return 0; /* no tracer, as on hardware */
	service_build(&service, NULL);
	service_do(&service, 0, OP_NOTHING, 0, 0, 0, 0);
	kill_children(30);
	before = descriptors(id);
	kill_children(KILLS);
	for (unsigned i = 0; (after = descriptors(id)) > before + SPARE && i < 100; i++)
		usleep(20000);
	if (before == 0 || after > before + SPARE) {
		printf("descriptors of the tracer: %u before, %u after\n", before, after);
		return 1;
	}
	return 0;
}
