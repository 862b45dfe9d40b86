/*
 * The provisioning key needs the right to it.
 *
 * Kernel: an enclave with ATTRIBUTES.PROVISIONKEY can be created, but EINIT is
 * EACCES until SGX_IOC_ENCLAVE_PROVISION was given an open /dev/sgx_provision;
 * any other file, or none, is EINVAL. Hardware: EGETKEY gives the provisioning
 * key then.
 * Source: Linux arch/x86/kernel/cpu/sgx/main.c, sgx_set_attribute; ioctl.c,
 * sgx_encl_init; SDM 3D, EGETKEY.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "check.h"
#include "keys.h"

int main(void)
{
	struct service_options options = {
		.enclave = { .attributes = ATTRIBUTE_PROVISIONKEY },
		.data_pages = 2,
	};
	static struct service service;
	struct sgx_enclave_init init;
	struct sgx_enclave_provision provision;
	struct keyrequest request = { .key_name = KEY_PROVISION };
	uint8_t key[16];
	int file = open("/dev/null", O_RDWR);

	vdso_find();
	service_add(&service, &options);
	enclave_sign(&service.enclave);
	init.sigstruct = (uint64_t)&service.enclave.sigstruct;
	check_errno("INIT without the right to the provisioning key", EACCES,
		    ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_INIT, &init));

	check_errno("PROVISION with a pointer to nothing", EFAULT,
		    ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_PROVISION, (void *)8));
	provision.fd = 4000;
	check_errno("PROVISION with a file that is not open", EINVAL,
		    ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_PROVISION, &provision));
	provision.fd = (uint64_t)file;
	check_errno("PROVISION with /dev/null", EINVAL,
		    ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_PROVISION, &provision));
	provision.fd = (uint64_t)service.enclave.fd;
	check_errno("PROVISION with the enclave itself", EINVAL,
		    ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_PROVISION, &provision));
	check_errno("INIT still", EACCES, ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_INIT, &init));

	file = open("/dev/sgx_provision", O_RDONLY);
	if (file < 0)
		die("open /dev/sgx_provision");
	provision.fd = (uint64_t)file;
	check_errno("PROVISION with /dev/sgx_provision", 0,
		    ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_PROVISION, &provision));
	close(file);
	check_errno("INIT", 0, ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_INIT, &init));
	service_map(&service);
	request.attribute_mask = ~0ul;
	check_equal("EGETKEY of the provisioning key", SGX_SUCCESS,
		    service_get_key(&service, &request, key));
	return 0;
}
