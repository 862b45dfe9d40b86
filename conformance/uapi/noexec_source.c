/*
 * Pages whose source may not be executed do not enter an enclave.
 *
 * "User space is prevented from circumventing existing protections on the source
 * pages with the vma->vm_flags & VM_MAYEXEC check in __sgx_encl_add_page()"
 * (seed 001): a source mapped from a file system mounted noexec is EACCES,
 * whatever permissions the page shall have; a copy of it is not.
 *
 * Uapi: v5.11 edmm-v2 v6.0
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static struct service service;

static long add(const void *source, uint64_t offset, uint64_t flags)
{
	struct secinfo secinfo = { .flags = flags };
	struct sgx_enclave_add_pages argument = {
		.src = (uint64_t)source,
		.offset = offset,
		.length = PAGE,
		.secinfo = (uint64_t)&secinfo,
		.flags = SGX_PAGE_MEASURE,
	};

	return ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &argument);
}

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), status;

	if (fd < 0)
		return -1;
	status = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(fd);
	return status;
}

/* A place where this process may mount. An ordinary user has one in a user
 * namespace of its own, and must be somebody there: files of a user who is not
 * in uid_map cannot be made (EOVERFLOW). user_namespaces(7). */
static int enter_namespace(void)
{
	char uid[64], gid[64];

	if (geteuid() == 0)
		return unshare(CLONE_NEWNS);
	snprintf(uid, sizeof uid, "%u %u 1", geteuid(), geteuid());
	snprintf(gid, sizeof gid, "%u %u 1", getegid(), getegid());
	return unshare(CLONE_NEWNS | CLONE_NEWUSER) != 0 || write_file("/proc/self/setgroups", "deny") != 0 ||
			       write_file("/proc/self/uid_map", uid) != 0 ||
			       write_file("/proc/self/gid_map", gid) != 0 ?
		       -1 :
		       0;
}

int main(void)
{
	char folder[] = "noexec.XXXXXX", path[64];
	uint64_t offset;
	void *source, *copy;
	int fd;

	if (mkdtemp(folder) == NULL)
		die("mkdtemp");
	if (enter_namespace() != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", folder, "tmpfs", MS_NOEXEC, NULL) != 0) {
		/* Without the right to mount there is no such file to be had. */
		printf("not tried: no file system can be mounted noexec here (%s)\n", strerror(errno));
		return 0;
	}
	snprintf(path, sizeof path, "%s/source", folder);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, PAGE) != 0)
		die(path);
	source = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	copy = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check("two pages", source != MAP_FAILED && copy != MAP_FAILED);
	memcpy(copy, source, PAGE);
	service_add(&service, NULL);
	offset = service.room - service.enclave.base;
	check_errno("ADD_PAGES of an executable page from there", EACCES,
		    add(source, offset, SECINFO_REG | SECINFO_R | SECINFO_X));
	check_errno("ADD_PAGES of a page of data from there", EACCES, add(source, offset, SECINFO_REG | SECINFO_R));
	check_errno("ADD_PAGES of a copy", 0, add(copy, offset, SECINFO_REG | SECINFO_R | SECINFO_X));
	return 0;
}
