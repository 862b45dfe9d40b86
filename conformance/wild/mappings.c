/* What a lane does to the mappings of its own part of the enclave, and to places that nobody uses. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "wild.h"

/* An unused quarter of ELRANGE; all lanes fight over it. */
#define PLAYGROUND(enclave) ((enclave)->base + (enclave)->size / 4 * 3)

/* Not munmap: what another thread maps at that moment could lie there. */
static int reserve(void *at, size_t length)
{
	return mmap(at, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED ? -1 : 0;
}

static void own_page(struct lane *lane)
{
	const struct enclave *enclave = &lane->service->enclave;
	void *page = (void *)lane->page;

	switch (below(lane, 3)) {
	case 0: /* taken away and mapped again: the page stays the enclave's */
		check_errno("mmap of memory over a page", 0, reserve(page, PAGE));
		enclave_map(enclave, lane->page - enclave->base, PAGE, PROT_READ | PROT_WRITE);
		break;
	case 1:
		check_errno("mprotect to no access", 0, mprotect(page, PAGE, PROT_NONE));
		check_errno("mprotect back", 0, mprotect(page, PAGE, PROT_READ | PROT_WRITE));
		break;
	default:
		check_errno("mmap over itself", 0, mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, enclave->fd, 0) == MAP_FAILED ? -1 : 0);
	}
	check_equal("the page after its mapping changed", lane->value, enter(lane, OP_READ, lane->page, 0, 0, 0));
}

static void playground(struct lane *lane)
{
	const struct enclave *enclave = &lane->service->enclave;
	char *at = (char *)PLAYGROUND(enclave) + below(lane, 64) * PAGE;
	size_t length = (1 + below(lane, 16)) * PAGE;
	char *page;

	switch (below(lane, 9)) {
	case 0:
		check_possible("mmap of nothing", reserve(at, length));
		break;
	case 1:
		check_possible("mmap of the device", mmap(at, length, (int)below(lane, 8), MAP_SHARED | MAP_FIXED, enclave->fd, 0) == MAP_FAILED ? -1 : 0);
		break;
	case 2:
		check_possible("mmap of memory", mmap(at, length, (int)below(lane, 4), MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED ? -1 : 0);
		break;
	case 3:
		check_possible("mprotect", mprotect(at, length, (int)below(lane, 8)));
		break;
	case 4:
		check_possible("madvise", madvise(at, length, (int)below(lane, 26)));
		break;
	case 5:
		page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page != MAP_FAILED && mremap(page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at) == MAP_FAILED) {
			check_possible("mremap", -1);
			munmap(page, PAGE);
		}
		break;
	case 6:
		check_possible("mremap in place", mremap(at, length, length + PAGE, 0) == MAP_FAILED ? -1 : 0);
		break;
	case 7:
		check_possible("mmap anywhere", (page = mmap(NULL, length, PROT_READ, MAP_SHARED, enclave->fd, 0)) == MAP_FAILED ? -1 : 0);
		if (page != MAP_FAILED)
			munmap(page, length);
		break;
	default:
		check_possible("msync", msync(at, length, MS_ASYNC));
	}
}

/* Calls on the device with arguments that are wrong in some way. */
static void wrong(struct lane *lane)
{
	struct enclave *enclave = &lane->service->enclave;
	uint64_t argument[8];
	static const unsigned long commands[] = {
		SGX_IOC_ENCLAVE_CREATE, SGX_IOC_ENCLAVE_ADD_PAGES, SGX_IOC_ENCLAVE_INIT, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS,
		SGX_IOC_ENCLAVE_MODIFY_TYPES, SGX_IOC_ENCLAVE_REMOVE_PAGES, 0xa4ff, 0xc008a409,
	};

	/* Never a page: an offset that is none, or a length of nothing. */
	for (unsigned i = 0; i < 8; i++)
		argument[i] = below(lane, 2) ? below(lane, 1ul << 20) | 1 : 0;
	check("an ioctl with wrong arguments fails",
	      ioctl(enclave->fd, commands[below(lane, 8)], below(lane, 8) == 0 ? NULL : argument) == -1);
	check_possible("ioctl", -1);
}

static void virtual_epc(struct lane *lane)
{
	int fd = open("/dev/sgx_vepc", O_RDWR | O_CLOEXEC);
	volatile uint8_t *page;

	if (fd < 0) {
		check_possible("open of virtual EPC", -1);
		return;
	}
	page = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)(below(lane, 1 << 20) * PAGE));
	check_possible("mmap of virtual EPC", page == MAP_FAILED ? -1 : 0);
	if (page != MAP_FAILED) {
		page[below(lane, 4) * PAGE] = 1;
		munmap((void *)page, 4 * PAGE);
	}
	close(fd);
}

/* An enclave more, from its beginning to its end. */
static void another(struct lane *lane)
{
	struct service service;
	struct service_options options = { .size = 1ul << 20 };
	sigset_t all, before;

	/* A signal may end an ioctl early, and the library does not begin again. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	service_add(&service, &options);
	if (below(lane, 2)) {
		enclave_init(&service.enclave);
		service_map(&service);
	}
	enclave_destroy(&service.enclave);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (service.enclave.measurement != NULL)
		measurement_finish(service.enclave.measurement, (uint8_t[32]){ 0 });
}

void step_of_mappings(struct lane *lane)
{
	switch (below(lane, 40)) {
	case 0:
		another(lane);
		break;
	case 1:
		virtual_epc(lane);
		break;
	case 2 ... 6:
		wrong(lane);
		break;
	case 7 ... 16:
		own_page(lane);
		break;
	default:
		playground(lane);
	}
}
