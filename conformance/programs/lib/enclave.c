#include "enclave.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "sign.h"

uint64_t enclave_reserve(uint64_t base, uint64_t size)
{
	uint64_t area, aligned;
	void *map;

	if (base != 0) {
		map = mmap((void *)base, size, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
		if (map == MAP_FAILED)
			die("reserve the enclave's range");
		return base;
	}
	map = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		die("reserve the enclave's range");
	area = (uint64_t)map;
	aligned = (area + size - 1) & ~(size - 1);
	if (aligned != area)
		munmap(map, aligned - area);
	munmap((void *)(aligned + size), area + size - aligned);
	return aligned;
}

void enclave_create(struct enclave *enclave, uint64_t size, const struct enclave_options *options)
{
	struct sgx_enclave_create create = { 0 };

	memset(enclave, 0, sizeof *enclave);
	if (options != NULL)
		enclave->options = *options;
	enclave->fd = open("/dev/sgx_enclave", O_RDWR | enclave->options.open_flags);
	if (enclave->fd < 0)
		die("open /dev/sgx_enclave");
	enclave->size = size;
	enclave->base = enclave_reserve(enclave->options.base, size);
	enclave->secs.size = size;
	enclave->secs.base = enclave->base;
	enclave->secs.ssa_frame_size = enclave->options.frame_pages ? enclave->options.frame_pages : 1;
	enclave->secs.miscselect = enclave->options.miscselect;
	enclave->secs.attributes = ATTRIBUTE_MODE64BIT | enclave->options.attributes;
	enclave->secs.xfrm = enclave->options.xfrm ? enclave->options.xfrm : XFRM_LEGACY;
	create.src = (uint64_t)&enclave->secs;
	if (ioctl(enclave->fd, SGX_IOC_ENCLAVE_CREATE, &create) != 0)
		die("SGX_IOC_ENCLAVE_CREATE");
	enclave->measurement = measurement_create(enclave->secs.ssa_frame_size, size);
}

static void add(struct enclave *enclave, uint64_t offset, const void *source, uint64_t length,
		uint64_t secinfo_flags, uint64_t flags)
{
	struct secinfo secinfo = { .flags = secinfo_flags };

	/* A signal, also one that only stops the process, ends the call behind a page: count says which. sgx_ioc_enclave_add_pages. */
	for (uint64_t done = 0; done < length;) {
		struct sgx_enclave_add_pages add_pages = {
			.src = (uint64_t)source + done,
			.offset = offset + done,
			.length = length - done,
			.secinfo = (uint64_t)&secinfo,
			.flags = flags,
		};

		if (ioctl(enclave->fd, SGX_IOC_ENCLAVE_ADD_PAGES, &add_pages) != 0)
			die("SGX_IOC_ENCLAVE_ADD_PAGES");
		check("whole pages are added, and one at least", add_pages.count != 0 && add_pages.count % PAGE == 0 && add_pages.count <= length - done);
		done += add_pages.count;
	}
	for (uint64_t at = 0; at < length; at += PAGE) {
		measurement_add_page(enclave->measurement, offset + at, secinfo_flags);
		if (flags & SGX_PAGE_MEASURE)
			measurement_extend_page(enclave->measurement, offset + at,
						(const uint8_t *)source + at);
	}
}

void enclave_add(struct enclave *enclave, uint64_t offset, const void *source, uint64_t length,
		 uint64_t secinfo_flags)
{
	add(enclave, offset, source, length, secinfo_flags, SGX_PAGE_MEASURE);
}

void enclave_add_unmeasured(struct enclave *enclave, uint64_t offset, uint64_t length,
			    uint64_t secinfo_flags)
{
	void *zeros = mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (zeros == MAP_FAILED)
		die("map zeros");
	add(enclave, offset, zeros, length, secinfo_flags, 0);
	munmap(zeros, length);
}

void enclave_init(struct enclave *enclave)
{
	struct sgx_enclave_init init = { 0 };

	if (enclave->measurement != NULL)
		enclave_sign(enclave);
	init.sigstruct = (uint64_t)&enclave->sigstruct;
	if (ioctl(enclave->fd, SGX_IOC_ENCLAVE_INIT, &init) != 0)
		die("SGX_IOC_ENCLAVE_INIT");
}

void enclave_map(const struct enclave *enclave, uint64_t offset, uint64_t length, int protection)
{
	if (mmap((void *)(enclave->base + offset), length, protection, MAP_SHARED | MAP_FIXED,
		 enclave->fd, 0) == MAP_FAILED)
		die("mmap a part of the enclave");
}

void enclave_destroy(struct enclave *enclave)
{
	munmap((void *)enclave->base, enclave->size);
	close(enclave->fd);
	enclave->fd = -1;
}
