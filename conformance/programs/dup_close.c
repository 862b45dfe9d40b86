/*
 * Files of the device: duplicated, closed in the middle, opened again.
 *
 * Kernel: the enclave belongs to the open file, not to its number: every
 * duplicate reaches it, a new open() does not. It lives until the last duplicate
 * and the last mapping are gone. A number that was closed is EBADF, and dup2
 * onto it makes it mean the other enclave.
 * Source: Linux arch/x86/kernel/cpu/sgx/driver.c, sgx_open, sgx_release;
 * open(2), dup(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

int main(void)
{
	static struct service service, other;
	struct sgx_enclave_add_pages add_pages = { 0 };
	struct sgx_enclave_init init;
	char path[64];
	int original, copy, high, again;
	void *map;

	/* Created by one number, added to by another, initialised by a third. */
	vdso_find();
	service_add(&service, NULL);
	original = service.enclave.fd;
	copy = dup(original);
	high = fcntl(original, F_DUPFD_CLOEXEC, 100);
	if (copy < 0 || high < 100)
		die("duplicate the file");
	close(original);
	check_errno("an ioctl on the number that was closed", EBADF,
		    ioctl(original, SGX_IOC_ENCLAVE_INIT, &init));
	service.enclave.fd = copy;
	enclave_add_unmeasured(&service.enclave, service.room - service.enclave.base, PAGE,
			       SECINFO_REG | SECINFO_R | SECINFO_W);
	service.room += PAGE;
	enclave_sign(&service.enclave);
	init.sigstruct = (uint64_t)&service.enclave.sigstruct;
	check_errno("INIT by another duplicate", 0, ioctl(high, SGX_IOC_ENCLAVE_INIT, &init));
	service_map(&service);
	service_do(&service, 0, OP_WRITE, service.data, 1, 0, 0);

	/* The number is used by something else in between. */
	again = open("/dev/null", O_RDWR);
	check_errno("an ioctl of SGX on /dev/null", ENOTTY, ioctl(again, SGX_IOC_ENCLAVE_INIT, &init));
	close(again);

	/* Opening the file behind the number anew gives a device without an enclave. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", copy);
	again = open(path, O_RDWR);
	if (again < 0)
		die("open the device by /proc/self/fd");
	check_errno("ADD_PAGES on a file opened anew (before CREATE)", EINVAL,
		    ioctl(again, SGX_IOC_ENCLAVE_ADD_PAGES, &add_pages));
	map = mmap((void *)service.room, PAGE, PROT_READ, MAP_SHARED, again, 0);
	check_errno("a mapping of the file opened anew", 0, map == MAP_FAILED ? -1 : 0);
	munmap(map, PAGE);
	close(again);

	/* dup2 puts one enclave in the other's place. */
	service_build(&other, NULL);
	service_do(&other, 0, OP_WRITE, other.data, 2, 0, 0);
	if (dup2(other.enclave.fd, copy) != copy)
		die("dup2");
	map = mmap((void *)service.data, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, high, 0);
	check_errno("the first enclave's range through its last number", 0, map == MAP_FAILED ? -1 : 0);
	map = mmap((void *)(service.enclave.base), PAGE, PROT_READ, MAP_SHARED, copy, 0);
	check("a mapping through the number that dup2 replaced is outside of its enclave",
	      map == MAP_FAILED && errno == EACCES);

	/* No file left, only mappings. */
	close(high);
	close(copy);
	close(other.enclave.fd);
	check_equal("the first enclave without a file", 1,
		    service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	check_equal("the second enclave without a file", 2,
		    service_do(&other, 0, OP_READ, other.data, 0, 0, 0));
	check_equal("a page added without a file", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT,
				   SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING, service.room, 0));
	return 0;
}
