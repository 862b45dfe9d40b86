/*
 * The device nodes have an owner, a group and a mode, and open() honours them.
 *
 * "The device files are limited by a GID (in systemd upstream)" (seed 001); other
 * distributions have `sgx` for enclaves and `sgx_prv` for provisioning. The first
 * class of owner, group and others that the caller is in decides; CAP_DAC_OVERRIDE
 * passes. stat and fstat show them, access asks by the real ids.
 * Source: Linux 6.12, fs/namei.c, acl_permission_check, generic_permission.
 *
 * Arguments: owner, group and mode as `--nodes` has them for the enclave's node, and
 * the errno of an open for reading and writing. Root takes the identities itself,
 * when more follow: user, group, supplementary group.
 *
 * Uapi: v16 v6.0
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asm/sgx.h>

#include "check.h"

#ifndef SGX_DEVICE
#define SGX_DEVICE "/dev/sgx_enclave"
#endif

static void check_status(const struct stat *status, char **argv)
{
	check("a character device", S_ISCHR(status->st_mode));
	check_equal("owner", strtoul(argv[1], NULL, 10), status->st_uid);
	check_equal("group", strtoul(argv[2], NULL, 10), status->st_gid);
	check_equal("mode", strtoul(argv[3], NULL, 8), status->st_mode & 07777);
}

int main(int argc, char **argv)
{
	struct stat status;
	int expected, fd;

	check("arguments", argc == 5 || argc == 8);
	expected = atoi(argv[4]);
	check_errno("stat", 0, stat(SGX_DEVICE, &status));
	check_status(&status, argv);
	if (argc == 8) {
		gid_t other = atoi(argv[7]);

		if (setgroups(1, &other) != 0 || setresgid(atoi(argv[6]), atoi(argv[6]), atoi(argv[6])) != 0 ||
		    setresuid(atoi(argv[5]), atoi(argv[5]), atoi(argv[5])) != 0)
			die("become another");
	}
	check_errno("access", expected, access(SGX_DEVICE, R_OK | W_OK));
	check_errno("access: whether it is there", 0, access(SGX_DEVICE, F_OK));
	check_errno("access: to execute", EACCES, access(SGX_DEVICE, X_OK));
	fd = open(SGX_DEVICE, O_RDWR);
	check_errno("open", expected, fd);
	if (fd >= 0) {
		check_errno("fstat", 0, fstat(fd, &status));
		check_status(&status, argv);
	}
	return 0;
}
