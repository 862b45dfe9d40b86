/*
 * Wall time of a command, as a process on the machine would measure it.
 *
 *   elapsed COMMAND ARGUMENTS...
 *
 * Prints "elapsed" and the nanoseconds from spawn to the end; the command's own
 * output goes to /dev/null. Ends with its exit status.
 */
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "check.h"

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t actions;
	uint64_t began;
	int status;
	pid_t child;

	check("there is a command", argc > 1);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	began = now();
	check_equal("posix_spawn", 0, (uint64_t)posix_spawnp(&child, argv[1], &actions, NULL, argv + 1, environ));
	if (waitpid(child, &status, 0) != child)
		die("waitpid");
	report("elapsed", (double)(now() - began));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
