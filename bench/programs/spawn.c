/*
 * Starts a program that does nothing and waits for it, again and again.
 *
 *   spawn COUNT REPETITIONS
 *
 * Prints "spawn" and the nanoseconds of one, the least of each COUNT: what else
 * the machine does meanwhile only adds.
 */
#include <spawn.h>
#include <sys/wait.h>

#include "bench.h"
#include "check.h"

extern char **environ;

int main(int argc, char **argv)
{
	uint64_t count = argument(argc, argv, 1, 50), repetitions = argument(argc, argv, 2, 3);
	char *arguments[] = { "/bin/true", NULL };

	for (uint64_t i = 0; i < repetitions; i++) {
		uint64_t least = UINT64_MAX;

		for (uint64_t n = 0; n < count; n++) {
			uint64_t began = now();
			int status = 1;
			pid_t child;

			if (posix_spawn(&child, arguments[0], NULL, NULL, arguments, environ) != 0 ||
			    waitpid(child, &status, 0) != child || status != 0)
				die("start /bin/true");
			least = now() - began < least ? now() - began : least;
		}
		report("spawn", (double)least);
	}
	return 0;
}
