/*
 * Ordinary memory inside the range of an enclave.
 *
 * Hardware: an access from inside to an address in ELRANGE must resolve to an
 * EPC page of the enclave, else it is #PF, with the SGX bit where the page tables
 * allow it: reads, writes, fetches, and what leaves read. From outside it is
 * ordinary memory, before, between and after.
 * Run: -- plain
 * Run: --isolation=strict -- plain
 * Run: -- late
 * Run: --isolation=strict -- late
 * Source: SDM 3D, "Access-control Requirements".
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define P PFEC_P
#define W PFEC_W
#define U PFEC_U
#define SGX PFEC_SGX
#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
#define BYTES 0x4141414141414141ul

static struct service service;

static void expect_fault(const char *what, struct call call, unsigned error, uint64_t address)
{
	struct sgx_enclave_run run;
	struct call skip = { .operation = OP_EXCEPTION, .a = 3 };

	service_expect_exception(&service, 0, &call, what, VECTOR_PF, &run);
	check_equal(what, error, run.exception_error_code);
	check_equal(what, address & ~(PAGE - 1), run.exception_addr);
	if (call.operation == OP_JUMP) {
		/* Nothing can be skipped: back to an instruction that can be. */
		service_abandon(&service, 0);
		return;
	}
	service_call(&service, 0, &skip);
	service_resume(&service, 0);
}

static void *map(uint64_t address, unsigned pages, int protection)
{
	void *at = mmap((void *)address, pages * PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

static void expect_hole(uint64_t hole)
{
	struct secinfo secinfo = { .flags = RW | SECINFO_PENDING };
	volatile uint64_t *words = (volatile uint64_t *)hole;
	unsigned char is_there;

	memset((void *)hole, 0x41, 4 * PAGE);
	expect_fault("a read of ordinary memory in ELRANGE", (struct call){ .operation = OP_READ, .a = hole + 8 }, P | U | SGX, hole);
	expect_fault("a write to ordinary memory in ELRANGE", (struct call){ .operation = OP_WRITE, .a = hole + PAGE, .b = 7 }, P | W | U | SGX, hole + PAGE);
	check_equal("what is there, for the host", BYTES, words[PAGE / 8]);
	memcpy((void *)(hole + 2 * PAGE), &secinfo, sizeof secinfo);
	expect_fault("EACCEPT with its SECINFO there", (struct call){ .operation = OP_ENCLU, .a = EACCEPT, .b = hole + 2 * PAGE, .c = service.room },
		     P | U | SGX, hole + 2 * PAGE);
	expect_fault("EACCEPT of such a page", (struct call){ .operation = OP_ENCLU, .a = EACCEPT, .b = service.data + PAGE - 64, .c = hole },
		     P | U | SGX, hole);
	/* The host's own use, and the kernel's on its behalf. */
	for (uint64_t i = 0; i < 3; i++) {
		words[0] = i;
		check_equal("the enclave still works", 0, service_do(&service, 0, OP_CSSA, 0, 0, 0, 0));
		check_equal("what the host wrote", i, words[0]);
		check_errno("a system call that writes there", 0, mincore((void *)hole, PAGE, (unsigned char *)hole + 64));
	}
	check_errno("mincore", 0, mincore((void *)hole, PAGE, &is_there));
}

/* With less than all rights, and then none: the page tables' own refusal. */
static void expect_rights(uint64_t hole)
{
	mprotect((void *)hole, PAGE, PROT_READ);
	expect_fault("a write to memory in ELRANGE that is for reading", (struct call){ .operation = OP_WRITE, .a = hole }, P | W | U, hole);
	mprotect((void *)hole, PAGE, PROT_NONE);
	expect_fault("a read of memory in ELRANGE without any right", (struct call){ .operation = OP_READ, .a = hole }, U, hole);
	mprotect((void *)hole, PAGE, PROT_READ | PROT_WRITE);
	expect_fault("a read of memory in ELRANGE again", (struct call){ .operation = OP_READ, .a = hole }, P | U | SGX, hole);
	munmap((void *)hole, 4 * PAGE);
	expect_fault("a read where nothing is", (struct call){ .operation = OP_READ, .a = hole }, U, hole);
	expect_fault("a write where nothing is", (struct call){ .operation = OP_WRITE, .a = hole }, W | U, hole);
}

static void expect_moved(uint64_t to)
{
	uint8_t *from = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*from = 5;
	if (mremap(from, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)to) == MAP_FAILED)
		die("mremap");
	expect_fault("a read of memory that was moved there", (struct call){ .operation = OP_READ, .a = to }, P | U | SGX, to);
	check_equal("what was moved there", 5, *(volatile uint8_t *)to);
}

static void expect_no_code(uint64_t hole)
{
	static const uint8_t code[] = { 0x41, 0xff, 0xe3 }; /* jmp *%r11 */

	memcpy(map(hole, 1, PROT_READ | PROT_WRITE), code, sizeof code);
	mprotect((void *)hole, PAGE, PROT_READ | PROT_EXEC);
	expect_fault("a fetch from ordinary memory in ELRANGE", (struct call){ .operation = OP_JUMP, .a = hole }, P | U | PFEC_I | SGX, hole);
}

int main(int argc, char **argv)
{
	uint64_t hole;
	bool late = argc > 1 && strcmp(argv[1], "late") == 0;
	struct secinfo secinfo = { .flags = RW | SECINFO_PENDING };
	int status;
	pid_t child;

	service_build(&service, NULL);
	service_do(&service, 0, OP_COPY, service.data + PAGE - 64, (uint64_t)&secinfo, sizeof secinfo, 0);
	hole = service.room + 64 * PAGE;
	if (late)
		for (int i = 0; i < 3; i++)
			service_do(&service, 0, OP_WRITE, service.data, 5, 0, 0);
	map(hole, 4, PROT_READ | PROT_WRITE);
	expect_hole(hole);
	child = fork();
	if (child == 0) {
		expect_hole(hole);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		die("fork");
	check_equal("status of the child", 0, (uint64_t)status);
	expect_rights(hole);
	expect_moved(hole + 8 * PAGE);
	expect_no_code(hole + 16 * PAGE);
	return 0;
}
