/*
 * An enclave of 16 GiB with pages here and there: ranges work over all of it, and
 * its size costs nothing, only its pages do.
 *
 * "With SGX2 the enclave still needs to set aside address space for its maximum
 * memory demands during enclave creation, but all pages need not be added"
 * (V2 19/32); "support large page ranges" (V3 00/30). A page stands in each 4 MiB.
 * A call on a range goes up to the first page that is not there: EFAULT, and the
 * count says how far it came. Source: Linux 6.12, arch/x86/kernel/cpu/sgx/ioctl.c.
 *
 * Uapi: edmm-augment v6.0
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "edmm.h"

#define SIZE (16ul << 30)
#define DISTANCE (4ul << 20)
#define PLACES 4000ul

/* Of whoever traces this program: some room, and as much for each page as the page
 * itself has. A word for each page of the range would be 32 MiB more. */
#define MOST_MEMORY ((64ul << 20) + PLACES * PAGE)

static struct service service;

static uint64_t place(uint64_t i)
{
	return service.enclave.base + (i + 1) * DISTANCE;
}

static unsigned long field(const char *file, const char *name)
{
	FILE *stream = fopen(file, "r");
	char line[256];
	unsigned long value = 0;

	if (stream == NULL)
		return 0;
	while (fgets(line, sizeof line, stream) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			sscanf(line + strlen(name), "%lu", &value);
	fclose(stream);
	return value;
}

/* Bytes of anonymous memory of the tracer; 0 on hardware, which has none. */
static unsigned long tracers_memory(void)
{
	unsigned long tracer = field("/proc/self/status", "TracerPid:");
	char status[64];

	snprintf(status, sizeof status, "/proc/%lu/status", tracer);
	return tracer == 0 ? 0 : field(status, "RssAnon:") << 10;
}

static void accept_all(uint64_t flags)
{
	for (uint64_t i = 0; i < PLACES; i++)
		check_equal("EACCEPT", SGX_SUCCESS, service_accept(&service, 0, EACCEPT, flags, place(i), 0));
}

int main(void)
{
	const struct service_options options = { .size = SIZE };
	unsigned long before, after;
	uint64_t result, count;

	service_build(&service, &options);
	before = tracers_memory();
	accept_all(EDMM_RW | SECINFO_PENDING);
	for (uint64_t i = 0; i < PLACES; i++)
		service_do(&service, 0, OP_WRITE, place(i), i * 3, 0, 0);
	for (uint64_t i = 0; i < PLACES; i++)
		check_equal("what was written", i * 3, service_do(&service, 0, OP_READ, place(i), 0, 0, 0));
	after = tracers_memory();
	check("memory is in proportion to the pages, not to the range", after < before + MOST_MEMORY);

	for (uint64_t i = 0; i < PLACES; i++) {
		check_errno("restricting", EFAULT,
			    edmm_restrict(&service.enclave, place(i), DISTANCE, SECINFO_R, &result, &count));
		check_equal("count: up to the first page that is not there", PAGE, count);
	}
	accept_all(EDMM_R | SECINFO_PR);
	check_errno("mprotect of 16 GiB", 0,
		    mprotect((void *)(service.enclave.base + DISTANCE), SIZE - DISTANCE, PROT_READ | PROT_WRITE));
	check_equal("what was written, after mprotect", (PLACES - 1) * 3,
		    service_do(&service, 0, OP_READ, place(PLACES - 1), 0, 0, 0));
	for (uint64_t i = 0; i < PLACES; i++)
		check_errno("trimming", 0, edmm_modify(&service.enclave, place(i), PAGE, PT_TRIM, &result, &count));
	accept_all((uint64_t)PT_TRIM << 8 | SECINFO_MODIFIED);
	for (uint64_t i = 0; i < PLACES; i++) {
		check_errno("removing", EFAULT, edmm_remove(&service.enclave, place(i), DISTANCE, &count));
		check_equal("count: up to the first page that is not there", PAGE, count);
	}

	/* What was removed is gone: the same places, anew. */
	check_equal("EACCEPT where a page was removed", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, EDMM_RW | SECINFO_PENDING, place(PLACES / 2), 0));
	check_equal("a new page", 0, service_do(&service, 0, OP_READ, place(PLACES / 2), 0, 0, 0));
	check_errno("munmap of 16 GiB", 0, munmap((void *)service.enclave.base, SIZE));
	return 0;
}
