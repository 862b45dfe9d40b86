/*
 * Pages are written out to memory or a file that the program gave.
 *
 * "Is there any particular reason why the kernel manages the backing for the
 * enclave and the PCMDs? Could we have userspace provide the backing [...] to back
 * the enclave with a NVDIMM instead of RAM?" As "a single buffer that can hold both
 * PCMD entries and swapped pages", or in two; "if we want the kill-behavior, you
 * could signal that with a NULL value" (seed 003). What the program changes there
 * does not come back; a file has the same bytes as its mapping; without backing the
 * enclave is killed, and another can be built.
 * Source: v16 18/22, 7 November 2018; no code of it was ever posted.
 *
 * Uapi: v16
 * Run: --epc 1M -- memory
 * Run: --epc 1M -- file
 * Run: --epc 1M -- apart
 * Run: --epc 1M -- none
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "by_address.h"
#include "check.h"
#include "service.h"

#define SIZE (4ul << 20)
#define HEAP_PAGES 400ul /* the EPC has 256 */
#define CONTENTS (SIZE + PAGE)
#define PCMDS ((SIZE / PAGE + 1) * 128)

static struct service service;
static const struct service_options options = { .heap_length = HEAP_PAGES * PAGE, .size = SIZE };

static void *map(uint64_t length, int fd)
{
	void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		die("map a buffer");
	return memory;
}

/* The page of the heap that has its bytes in the buffer: PT_REG in its PCMD, and
 * an access from outside brings the page in, after which other pages go. */
static uint64_t heap_page(uint64_t index)
{
	return (service.heap - service.enclave.base) / PAGE + index;
}

static void fill_and_verify(void)
{
	service_do(&service, 0, OP_FILL, service.heap, 1, HEAP_PAGES, 0);
	check_equal("every page has come back as it was", 0,
		    service_do(&service, 0, OP_VERIFY, service.heap, 1, HEAP_PAGES, 0));
}

/* After all others were touched the first pages of the heap are in the buffer. */
static void tamper(uint8_t *contents, const uint8_t *pcmds)
{
	struct call read_it = { .operation = OP_READ, .a = service.heap };
	uint8_t *page = contents + heap_page(0) * PAGE;
	uint8_t older[PAGE];
	struct sgx_enclave_run run;
	uint64_t value;

	value = service_do(&service, 0, OP_READ, service.heap, 0, 0, 0);
	service_do(&service, 0, OP_VERIFY, service.heap + PAGE, 0, HEAP_PAGES - 1, 0);
	service_do(&service, 0, OP_VERIFY, service.heap + PAGE, 0, HEAP_PAGES - 1, 0);
	check_equal("the type in the PCMD", PT_REG, pcmds[heap_page(0) * 128 + 1]);
	memcpy(older, page, PAGE);
	page[100] ^= 1;
	service_expect_exception(&service, 0, &read_it, "a page that was tampered with", VECTOR_PF, &run);
	check_equal("no SGX bit: the driver could not load it", 0, run.exception_error_code & PFEC_SGX);
	service_abandon(&service, 0);
	page[100] ^= 1;

	/* Threads have three frames: one is lost. */
	check_equal("as it was", value, service_do(&service, 0, OP_READ, service.heap, 0, 0, 0));
	service_do(&service, 0, OP_WRITE, service.heap, value + 1, 0, 0);
	service_do(&service, 0, OP_VERIFY, service.heap + PAGE, 0, HEAP_PAGES - 1, 0);
	service_do(&service, 0, OP_VERIFY, service.heap + PAGE, 0, HEAP_PAGES - 1, 0);
	check("written out anew, with another version", memcmp(older, page, PAGE) != 0);
	memcpy(page, older, PAGE);
	service_expect_exception(&service, 0, &read_it, "an older page", VECTOR_PF, &run);
}

static void without_backing(void)
{
	struct call nothing = { .operation = OP_NOTHING };
	struct service_options small = { .size = SIZE, .heap_length = 60 * PAGE };
	struct service first;
	struct sgx_enclave_run run;

	by_address_backing = (struct by_address_backing){ .kind = BACKING_TOGETHER };
	service_build(&service, &small);
	service_do(&service, 0, OP_WRITE, service.heap, 5, 0, 0);
	check_equal("it works while there is room", 5, service_do(&service, 0, OP_READ, service.heap, 0, 0, 0));

	/* Another, which has backing, needs all of the EPC. */
	first = service;
	by_address_backing = (struct by_address_backing){ .kind = BACKING_OF_DRIVER };
	service_build(&service, &options);
	fill_and_verify();
	service_try(&first, service_tcs(&first, 0), &nothing, EENTER, &run);
	check("the first is dead", run.function == EENTER && run.exception_vector == VECTOR_PF);
	enclave_destroy(&first.enclave);
	fill_and_verify();
}

int main(int argc, char **argv)
{
	char name[] = "user_backing.XXXXXX";
	uint8_t *contents, *pcmds;
	int fd = -1;

	check_equal("arguments", 2, (uint64_t)argc);
	vdso_find();
	if (strcmp(argv[1], "none") == 0) {
		without_backing();
		return 0;
	}
	if (strcmp(argv[1], "file") == 0) {
		fd = mkstemp(name);
		if (fd < 0 || unlink(name) != 0 || ftruncate(fd, CONTENTS + PCMDS) != 0)
			die("make a file");
	}
	if (strcmp(argv[1], "apart") == 0) {
		contents = map(CONTENTS, -1);
		pcmds = map(PCMDS, -1);
		by_address_backing.kind = BACKING_APART;
	} else {
		contents = map(CONTENTS + PCMDS, fd);
		pcmds = contents + CONTENTS;
		by_address_backing.kind = BACKING_TOGETHER;
	}
	by_address_backing.contents = contents;
	by_address_backing.pcmds = pcmds;
	service_build(&service, &options);
	fill_and_verify();
	if (fd >= 0) {
		uint8_t in_file[PAGE];

		check_equal("read the file", PAGE, (uint64_t)pread(fd, in_file, PAGE, heap_page(0) * PAGE));
		check_bytes("the file has what its mapping has", contents + heap_page(0) * PAGE, in_file, PAGE);
	}
	tamper(contents, pcmds);
	return 0;
}
