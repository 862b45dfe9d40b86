/*
 * AUGMENT_PAGES: pages are added by an explicit call.
 *
 * "do EAUG's explicitly with an ioctl", which "enables EACCEPTCOPY pattern
 * nicely": mmap() of an enclave is "1. enclave calls back to host to do mmap()
 * 2. host does eaug on given range and enter back to enclave. 3. enclave does
 * eacceptcopy with given permissions and a zero page" (seed 001). Before EINIT it
 * is EINVAL; a page that is there is EBUSY and count says how many came before.
 * Source: RFC of 4 March 2022, SGX_IOC_ENCLAVE_AUGMENT_PAGES.
 *
 * Uapi: edmm-augment
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "edmm.h"

#define PAGES 32

static struct service service;

static int augment(uint64_t address, uint64_t length, uint64_t *count)
{
	struct sgx_enclave_augment_pages argument = {
		.offset = address - service.enclave.base,
		.length = length,
	};
	int status = ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_AUGMENT_PAGES, &argument);

	*count = argument.count;
	return status;
}

int main(void)
{
	/* mov eax, 77; jmp *r11 */
	static const uint8_t code[] = { 0xb8, 77, 0, 0, 0, 0x41, 0xff, 0xe3 };
	struct service_options options = { .data_pages = 2 };
	uint64_t start, count, source;

	vdso_find();
	service_add(&service, &options);
	start = service.room;
	check_errno("AUGMENT_PAGES before EINIT", EINVAL, augment(start, PAGE, &count));
	enclave_init(&service.enclave);
	service_map(&service);
	check_errno("AUGMENT_PAGES", 0, augment(start, PAGES * PAGE, &count));
	check_equal("count", PAGES * PAGE, count);
	check_errno("AUGMENT_PAGES of no length", EINVAL, augment(start, 0, &count));
	check_errno("AUGMENT_PAGES of half a page", EINVAL, augment(start, PAGE / 2, &count));
	check_errno("AUGMENT_PAGES beyond the enclave", EINVAL,
		    augment(service.enclave.base + service.enclave.size, PAGE, &count));
	check_errno("AUGMENT_PAGES over pages that are there", EBUSY,
		    augment(start - PAGE, PAGE, &count));
	check_equal("count", 0, count);

	/* Pages of zeros with the permissions the enclave wants. */
	source = service.data + PAGE;
	for (uint64_t i = 0; i < PAGES; i++) {
		uint64_t flags = i % 2 == 0 ? EDMM_RW : EDMM_R;

		check_equal("EACCEPTCOPY of a page of zeros", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPTCOPY, flags, start + i * PAGE, source));
		check_equal("its contents", 0, service_do(&service, 0, OP_READ, start + i * PAGE, 0, 0, 0));
	}

	/* And a page of code: prepared in the enclave, accepted as RX, run. */
	check_errno("AUGMENT_PAGES for code", 0, augment(start + PAGES * PAGE, PAGE, &count));
	service_do(&service, 0, OP_COPY, source, (uint64_t)code, sizeof code, 0);
	check_equal("EACCEPTCOPY of code", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPTCOPY, EDMM_RX, start + PAGES * PAGE, source));
	check_equal("what the code returned", 77,
		    service_do(&service, 0, OP_JUMP, start + PAGES * PAGE, 0, 0, 0));
	return 0;
}
