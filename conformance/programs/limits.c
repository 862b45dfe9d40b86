/*
 * Resource limits are the program's: those that Cloister cannot live under do
 * not keep it from running a program that can.
 *
 * Kernel: an enclave needs three descriptors and its address range; the size of
 * files does not limit it.
 * Source: getrlimit(2).
 *
 *   limits NAME SOFT HARD [nothing]   the limit is this one; builds an enclave
 *                                     unless told to do nothing
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static rlim_t number(const char *text)
{
	return strcmp(text, "unlimited") ? strtoull(text, NULL, 0) : RLIM_INFINITY;
}

int main(int argc, char **argv)
{
	struct service service;
	struct rlimit limit;

	if (argc < 4)
		return 2;
	getrlimit(!strcmp(argv[1], "files") ? RLIMIT_NOFILE : !strcmp(argv[1], "size") ? RLIMIT_FSIZE : RLIMIT_AS, &limit);
	check_equal("the soft limit", number(argv[2]), limit.rlim_cur);
	check_equal("the hard limit", number(argv[3]), limit.rlim_max);
	check("nothing of Cloister's is in the environment",
	      !getenv("CLOISTER_LIMITS") && !getenv("DOTNET_EnableDiagnostics"));
	if (argc > 4)
		return 0;
	vdso_find();
	service_build(&service, NULL);
	service_do(&service, 0, OP_WRITE, service.data, 1, 0, 0);
	check_equal("an enclave under this limit", 1, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	return 0;
}
