/*
 * What a program looks at before it uses SGX.
 *
 * Run: --epc 32M -- 33554432
 *
 * Kernel: /proc/cpuinfo has the flags sgx and sgx_lc for every processor;
 * /dev/sgx_enclave and /dev/sgx_provision are character devices, writable and
 * readable; /sys/devices/system/node/nodeN/x86/sgx_total_bytes has the EPC of
 * each node. A child process sees the same.
 * Source: Linux arch/x86/kernel/cpu/proc.c, arch/x86/include/asm/cpufeatures.h;
 * arch/x86/kernel/cpu/sgx/driver.c and main.c (sgx_total_bytes).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static bool has_word(const char *line, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = strstr(line, word); at != NULL; at = strstr(at + 1, word))
		if (at[-1] == ' ' && (at[length] == ' ' || at[length] == '\n' || at[length] == 0))
			return true;
	return false;
}

static void check_flags(FILE *file)
{
	static char line[65536];
	int processors = 0, flags = 0;

	if (file == NULL)
		die("read /proc/cpuinfo");
	while (fgets(line, sizeof line, file) != NULL) {
		processors += strncmp(line, "processor", 9) == 0;
		if (strncmp(line, "flags\t", 6) != 0)
			continue;
		flags++;
		check("/proc/cpuinfo has the flag sgx", has_word(line, "sgx"));
		check("/proc/cpuinfo has the flag sgx_lc", has_word(line, "sgx_lc"));
		check("/proc/cpuinfo has the processor's other flags", has_word(line, "sse2"));
	}
	check("/proc/cpuinfo has a line of flags for every processor", flags > 0 && flags == processors);
}

static void check_node(const char *path)
{
	struct stat status;
	int fd;

	check_errno(path, 0, stat(path, &status));
	check("the node is a character device", S_ISCHR(status.st_mode));
	fd = open(path, O_RDWR);
	if (fd < 0)
		die(path);
	check_errno(path, 0, fstat(fd, &status));
	check("the open file is a character device", S_ISCHR(status.st_mode));
	check_errno("access to read and write", 0, access(path, R_OK | W_OK));
	close(fd);
}

int main(int argc, char **argv)
{
	FILE *file;
	char line[64];

	check("called with the size of the EPC", argc == 2);
	check_flags(fopen("/proc/cpuinfo", "r"));
	file = popen("cat /proc/cpuinfo", "r");
	check_flags(file);
	pclose(file);
	check_node("/dev/sgx_enclave");
	check_node("/dev/sgx_provision");

	file = fopen("/sys/devices/system/node/node0/x86/sgx_total_bytes", "r");
	if (file == NULL)
		die("open sgx_total_bytes");
	check("sgx_total_bytes has a line", fgets(line, sizeof line, file) != NULL);
	check_equal("sgx_total_bytes", strtoul(argv[1], NULL, 10), strtoul(line, NULL, 10));
	fclose(file);
	return 0;
}
