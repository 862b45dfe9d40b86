/*
 * The core file of a program that has an enclave.
 *
 * Kernel: an enclave's mappings are VM_DONTDUMP, so nothing of it is in the file,
 * and a large ELRANGE makes it neither large nor slow. The crash is otherwise as
 * any other. Where core files go elsewhere (core(5), core_pattern) it is only
 * seen that the program dumps.
 * Source: Linux arch/x86/kernel/cpu/sgx/driver.c, sgx_mmap; fs/coredump.c,
 * vma_dump_size.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define HEAP 64
#define SIZE (16ul << 30)
/* Two equal halves, put together inside: no call has it as it is. */
#define SECRET 0x5ec3e75e5ec3e75eul

static void crash(void)
{
	static struct service service;
	const struct service_options options = { .heap_length = HEAP * PAGE, .size = SIZE };
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	setrlimit(RLIMIT_CORE, &limit);
	prctl(PR_SET_DUMPABLE, 1);
	service_build(&service, &options);
	for (uint64_t i = 0; i < HEAP; i++) {
		/* Half of the secret at a time. */
		service_do(&service, 0, OP_WRITE, service.heap + i * PAGE + 4, SECRET >> 32, 0, 0);
		service_do(&service, 0, OP_COPY, service.heap + i * PAGE, service.heap + i * PAGE + 4, 4, 0);
		service_do(&service, 0, OP_COPY, service.heap + i * PAGE + 8, service.heap + i * PAGE, 4000, 0);
	}
	for (uint64_t i = 0; i < 8; i++)
		service_accept(&service, 0, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING, service.room + i * (1ul << 30), 0);
	raise(SIGSEGV);
}

static uint64_t secrets(int fd)
{
	static uint64_t words[512];
	uint64_t found = 0;

	for (off_t at = 0, end; (at = lseek(fd, at, SEEK_DATA)) >= 0; at = end) {
		end = lseek(fd, at, SEEK_HOLE);
		for (off_t page = at & ~(off_t)(PAGE - 1); page < end; page += PAGE) {
			ssize_t length = pread(fd, words, sizeof words, page);

			for (ssize_t i = 0; i < length / 8; i++)
				found += words[i] == SECRET;
		}
	}
	return found;
}

int main(void)
{
	char folder[] = "/tmp/core_fileXXXXXX", pattern[64] = "", name[32] = "core", command[64];
	FILE *file = fopen("/proc/sys/kernel/core_pattern", "r");
	struct stat status;
	pid_t child;
	int end;

	if (file == NULL || fgets(pattern, sizeof pattern, file) == NULL)
		return 0;
	fclose(file);
	if (mkdtemp(folder) == NULL || chdir(folder) != 0)
		die("a folder");
	child = fork();
	if (child == 0) {
		crash();
		_exit(1);
	}
	if (child < 0 || waitpid(child, &end, 0) != child)
		die("fork");
	check("the program is killed by a signal", WIFSIGNALED(end));
	check_equal("the signal", SIGSEGV, (uint64_t)WTERMSIG(end));
	if (strcmp(pattern, "core\n") == 0 && WCOREDUMP(end)) {
		if (stat(name, &status) != 0)
			snprintf(name, sizeof name, "core.%d", child);
		end = open(name, O_RDONLY);
		if (end < 0 || fstat(end, &status) != 0)
			die("open the core file");
		check("the file is far shorter than the enclave", (uint64_t)status.st_size < 128ul << 20);
		check("few pages are in it", (uint64_t)status.st_blocks * 512 < 16ul << 20);
		/* One may stand in the memory of the call. */
		check("the enclave's secret is not in it", secrets(end) < 8);
	}
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command) == 0 ? 0 : 1;
}
