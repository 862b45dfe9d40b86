/*
 * Cloister that is killed before it traces what shall become the program leaves
 * nothing: as for any command, of which after kill -9 nobody is left that waits for it.
 * Nor does it say anything of its own where a program alone would say nothing: in a
 * directory that was deleted.
 *
 * killed_at_start.run does both. This program starts the command it is given, and kills
 * it with SIGKILL as soon as one of its threads has a child.
 */
#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

/* A child of any of its threads, or 0. */
static int child_of(int process)
{
	char path[300];
	DIR *threads;
	struct dirent *entry;
	int child = 0;

	snprintf(path, sizeof path, "/proc/%d/task", process);
	threads = opendir(path);
	while (threads && child == 0 && (entry = readdir(threads))) {
		FILE *children;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof path, "/proc/%d/task/%s/children", process, entry->d_name);
		children = fopen(path, "r");
		if (children && fscanf(children, "%d", &child) != 1)
			child = 0;
		if (children)
			fclose(children);
	}
	if (threads)
		closedir(threads);
	return child;
}

/* The script by which it is started has children as well, before it becomes the command. */
static int is_shell(int process)
{
	char path[64], image[256], shell[256];
	ssize_t length;

	snprintf(path, sizeof path, "/proc/%d/exe", process);
	length = readlink(path, image, sizeof image - 1);
	if (length < 0 || !realpath("/bin/sh", shell))
		return 1;
	image[length] = '\0';
	return strcmp(image, shell) == 0;
}

static int is_there(int process)
{
	char path[64], state = 'X';
	FILE *stat;

	snprintf(path, sizeof path, "/proc/%d/stat", process);
	stat = fopen(path, "r");
	if (stat) {
		if (fscanf(stat, "%*d %*s %c", &state) != 1)
			state = 'X';
		fclose(stat);
	}
	return state != 'X' && state != 'Z';
}

int main(int count, char **arguments)
{
	pid_t pid, child = 0;

	if (count < 2)
		return 0;
	pid = fork();
	if (pid == 0) {
		execv(arguments[1], arguments + 1);
		_exit(127);
	}
	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (child == 0 && !is_shell(pid) && (child = child_of(pid)) != 0)
			kill(pid, SIGKILL);
	}
	if (child == 0)
		die("it had no child");
	for (int wait = 0; wait < 200 && is_there(child); wait++)
		usleep(10000);
	if (is_there(child)) {
		kill(child, SIGKILL);
		fprintf(stderr, "killed_at_start: what Cloister started is there two seconds after it was killed\n");
		return 1;
	}
	return 0;
}
