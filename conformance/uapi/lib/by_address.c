/*
 * What lib/enclave.c does, by the drivers before v20: the range is a mapping of
 * the device, pages are queued one by one, and enclave_map is mprotect.
 */
#include "enclave.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "by_address.h"
#include "check.h"
#include "sign.h"

uint64_t enclave_reserve(uint64_t base, uint64_t size)
{
	(void)base;
	(void)size;
	check("the range is the mapping itself", false);
	return 0;
}

#ifdef UAPI_ISGX
uint8_t by_address_token[304];
#endif

#ifdef UAPI_V16
struct by_address_backing by_address_backing;
#endif

static long create(int fd, const struct secs *secs)
{
	struct sgx_enclave_create argument = { .src = (uint64_t)secs };
#ifdef UAPI_V16
	struct sgx_enclave_create_backed together = {
		.src = (uint64_t)secs,
		.backing = (uint64_t)by_address_backing.contents,
	};
	struct sgx_enclave_create_separately_backed apart = {
		.src = (uint64_t)secs,
		.contents = (uint64_t)by_address_backing.contents,
		.pcmd = (uint64_t)by_address_backing.pcmds,
	};

	if (by_address_backing.kind == BACKING_TOGETHER)
		return ioctl(fd, SGX_IOC_ENCLAVE_CREATE_BACKED, &together);
	if (by_address_backing.kind == BACKING_APART)
		return ioctl(fd, SGX_IOC_ENCLAVE_CREATE_SEPARATELY_BACKED, &apart);
#endif
	return ioctl(fd, SGX_IOC_ENCLAVE_CREATE, &argument);
}

void enclave_create(struct enclave *enclave, uint64_t size, const struct enclave_options *options)
{
	void *map;

	memset(enclave, 0, sizeof *enclave);
	if (options != NULL)
		enclave->options = *options;
	enclave->fd = open(SGX_DEVICE, O_RDWR);
	if (enclave->fd < 0)
		die("open " SGX_DEVICE);
	enclave->size = size;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, enclave->fd, 0);
	if (map == MAP_FAILED)
		die("mmap the device");
	enclave->base = (uint64_t)map;
	check_equal("the mapping is aligned to its length", 0, enclave->base & (size - 1));
	enclave->secs.size = size;
	enclave->secs.base = enclave->base;
	enclave->secs.ssa_frame_size = 1;
	enclave->secs.miscselect = enclave->options.miscselect;
	enclave->secs.attributes = ATTRIBUTE_MODE64BIT | enclave->options.attributes;
	enclave->secs.xfrm = XFRM_LEGACY;
	check_errno("SGX_IOC_ENCLAVE_CREATE", 0, create(enclave->fd, &enclave->secs));
	enclave->measurement = measurement_create(enclave->secs.ssa_frame_size, size);
}

long by_address_add(const struct enclave *enclave, uint64_t offset, const void *source, uint64_t flags, uint16_t mrmask)
{
	struct secinfo secinfo = { .flags = flags };
	struct sgx_enclave_add_page argument = {
		.addr = enclave->base + offset,
		.src = (uint64_t)source,
		.secinfo = (uint64_t)&secinfo,
		.mrmask = mrmask,
	};

	return ioctl(enclave->fd, SGX_IOC_ENCLAVE_ADD_PAGE, &argument);
}

long by_address_init(struct enclave *enclave)
{
	struct sgx_enclave_init argument = { .addr = enclave->base };
#ifdef UAPI_ISGX
	argument.einittoken = (uint64_t)by_address_token;
#endif
	if (enclave->measurement != NULL)
		enclave_sign(enclave);
	argument.sigstruct = (uint64_t)&enclave->sigstruct;
	return ioctl(enclave->fd, SGX_IOC_ENCLAVE_INIT, &argument);
}

static void add(struct enclave *enclave, uint64_t offset, const uint8_t *source, uint64_t length, uint64_t flags,
		bool measured)
{
	for (uint64_t at = 0; at < length; at += PAGE) {
		check_errno("SGX_IOC_ENCLAVE_ADD_PAGE", 0,
			    by_address_add(enclave, offset + at, source + at, flags, measured ? 0xffff : 0));
		measurement_add_page(enclave->measurement, offset + at, flags);
		if (measured)
			measurement_extend_page(enclave->measurement, offset + at, source + at);
	}
}

void enclave_add(struct enclave *enclave, uint64_t offset, const void *source, uint64_t length, uint64_t secinfo_flags)
{
	add(enclave, offset, source, length, secinfo_flags, true);
}

void enclave_add_unmeasured(struct enclave *enclave, uint64_t offset, uint64_t length, uint64_t secinfo_flags)
{
	void *zeros = mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (zeros == MAP_FAILED)
		die("map zeros");
	add(enclave, offset, zeros, length, secinfo_flags, false);
	munmap(zeros, length);
}

void enclave_init(struct enclave *enclave)
{
	check_equal("SGX_IOC_ENCLAVE_INIT", 0, (uint64_t)by_address_init(enclave));
}

void enclave_map(const struct enclave *enclave, uint64_t offset, uint64_t length, int protection)
{
	if (mprotect((void *)(enclave->base + offset), length, protection) != 0)
		die("mprotect a part of the enclave");
}

void enclave_destroy(struct enclave *enclave)
{
	munmap((void *)enclave->base, enclave->size);
	close(enclave->fd);
	enclave->fd = -1;
}
