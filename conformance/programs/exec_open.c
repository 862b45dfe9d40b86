/*
 * exec with the device open: the file goes with the process unless O_CLOEXEC
 * says otherwise, and the enclave behind it lives on without its mappings.
 *
 * Kernel: an enclave lives as long as its file; exec drops the mappings. The
 * new program can map the enclave where it was and enter it, and finds what
 * the old one left in it.
 * Source: Linux arch/x86/kernel/cpu/sgx/driver.c, sgx_mmap and sgx_release.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define BASE 0x200000000000ul
#define VALUE 0x5eafa11

static void restart(const char *self, const struct service *service, const char *step)
{
	char fd[16];

	snprintf(fd, sizeof fd, "%d", service->enclave.fd);
	execl(self, self, step, fd, (char *)NULL);
	die("exec");
}

/* The new program: it knows the number of the file and the enclave's layout. */
static void continue_enclave(const char *self, int fd)
{
	struct service service = { .enclave = { .fd = fd, .base = BASE, .size = 16ul << 20 } };
	struct service_options options = { .enclave = { .base = BASE, .open_flags = O_CLOEXEC } };
	struct sgx_enclave_add_pages add_pages = { 0 };

	vdso_find();
	check_errno("ADD_PAGES to the inherited, initialised enclave", EINVAL,
		    ioctl(fd, SGX_IOC_ENCLAVE_ADD_PAGES, &add_pages));
	service.data = BASE + PAGE;
	service.threads = BASE + 2 * PAGE;
	service.code = service.heap = service.room = service.threads + THREAD_SIZE;
	enclave_reserve(BASE, service.enclave.size);
	service_map(&service);
	check_equal("what the program before exec wrote", VALUE,
		    service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	enclave_destroy(&service.enclave);

	/* Now one whose file does not survive. */
	service_build(&service, &options);
	restart(self, &service, "closed");
}

int main(int argc, char **argv)
{
	struct service service;
	struct service_options options = { .enclave = { .base = BASE } };

	if (argc == 3 && strcmp(argv[1], "open") == 0) {
		continue_enclave(argv[0], atoi(argv[2]));
	} else if (argc == 3 && strcmp(argv[1], "closed") == 0) {
		check_errno("fcntl on a file opened with O_CLOEXEC", EBADF, fcntl(atoi(argv[2]), F_GETFD));
		/* Nothing is left where it was. */
		enclave_reserve(BASE, 16ul << 20);
		service_build(&service, NULL);
		service_do(&service, 0, OP_WRITE, service.data, VALUE, 0, 0);
	} else {
		service_build(&service, &options);
		service_do(&service, 0, OP_WRITE, service.data, VALUE, 0, 0);
		restart(argv[0], &service, "open");
	}
	return 0;
}
