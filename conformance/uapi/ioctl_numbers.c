/*
 * Each generation knows its own commands and gives ENOTTY for every other's.
 *
 * "The same command number can mean different things": 0xc028a405 is PAGE_MODP
 * in V1 and RESTRICT_PERMISSIONS in V3 and Linux 6.0. So a number is judged by
 * the generation alone. The structures are zeros here: a known command answers
 * with anything but ENOTTY.
 * Source: the uapi headers of each posting; vfs_ioctl gives ENOTTY.
 *
 * Uapi: isgx v16 rfc-enclu v5.11 edmm-v1 edmm-v2 edmm-augment edmm-v3 v6.0
 */
#include <asm/sgx.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "check.h"

static const struct {
	unsigned long command;
	const char *uapis;
} table[] = {
	{ 0x4008a400, " isgx v16 v5.11 edmm-v1 edmm-v2 edmm-augment edmm-v3 v6.0 " },
	{ 0x4010a400, " rfc-enclu v16 " },
	{ 0x4018a400, " v16 " },
	{ 0x401aa401, " isgx v16 " },
	{ 0x4008a401, " rfc-enclu " },
	{ 0xc030a401, " v5.11 edmm-v1 edmm-v2 edmm-augment edmm-v3 v6.0 " },
	{ 0x4018a402, " isgx " },
	{ 0x4010a402, " v16 " },
	{ 0x401aa402, " rfc-enclu " },
	{ 0x4008a402, " v5.11 edmm-v1 edmm-v2 edmm-augment edmm-v3 v6.0 " },
	{ 0x4010a403, " v16 rfc-enclu " },
	{ 0x4008a403, " v5.11 edmm-v1 edmm-v2 edmm-augment edmm-v3 v6.0 " },
	{ 0x4019a404, " v16 " },
	{ 0x4010a404, " rfc-enclu " },
	{ 0x4019a405, " rfc-enclu " },
	{ 0xc028a405, " edmm-v1 edmm-augment edmm-v3 v6.0 " },
	{ 0xc020a405, " edmm-v2 " },
	{ 0xc028a406, " edmm-v1 edmm-v2 edmm-augment edmm-v3 v6.0 " },
	{ 0xc028a407, " edmm-v2 " },
	{ 0xc018a407, " edmm-v1 edmm-v3 v6.0 " },
	{ 0xc018a408, " edmm-v2 edmm-augment " },
	{ 0xc018a409, " edmm-augment " },
	{ 0x4018a409, " isgx " },
	{ 0x4010a40a, " isgx " },
	{ 0x4010a40b, " isgx " },
	{ 0x4010a40c, " isgx " },
	{ 0x4008a40d, " isgx " },
	{ 0x0000a404, "" },
	{ 0xc018a40f, "" },
};

int main(void)
{
	char name[32], what[80];
	int fd = open(SGX_DEVICE, O_RDWR);

	if (fd < 0)
		die("open " SGX_DEVICE);
	snprintf(name, sizeof name, " %s ", UAPI);
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		char zeros[64] = { 0 };
		int status = ioctl(fd, table[i].command, zeros);
		bool known = status != -1 || errno != ENOTTY;

		snprintf(what, sizeof what, "0x%08lx is %s", table[i].command,
			 known ? "a stranger" : "one of this interface's");
		check(what, known == (strstr(table[i].uapis, name) != NULL));
	}
	close(fd);
	return 0;
}
