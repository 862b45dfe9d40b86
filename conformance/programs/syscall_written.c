/*
 * SYSCALL written into a page that is executable already is #UD as well, and
 * leaves RCX and R11 as they were.
 *
 * Hardware: SYSCALL in an enclave is #UD, before it does anything.
 * Here: a processor without SGX executes it, and the kernel's filter finds it
 * when RCX and R11 are lost; so this looks at them from the second time on, and
 * then writes a harmless instruction in its place.
 * Source: SDM 3D, "Illegal Instructions"; Gramine's heap is readable, writable
 * and executable without EDMM.
 *
 * Run: --isolation=fast
 * Run: --isolation=strict
 */
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "service.h"

static struct service service;
static uint64_t page;

static void write_code(const void *bytes, size_t length)
{
	uint8_t block[64];

	memset(block, 0x90, sizeof block);
	memcpy(block, bytes, length);
	service_do(&service, 0, OP_COPY, page, (uint64_t)block, sizeof block, 0);
}

static void illegal(unsigned at, const char *what)
{
	struct call call = { .operation = OP_JUMP, .a = page };
	struct call skip = { .operation = OP_EXCEPTION, .a = 2 };
	struct sgx_enclave_run run;

	service_expect_exception(&service, 0, &call, what, VECTOR_UD, &run);
	check_equal("the bytes that the handler reads", 0x050f, service_do(&service, 0, OP_READ, page + at, 0, 0, 0) & 0xffff);
	check_equal("RIP in the SSA frame", page + at, service_call(&service, 0, &skip));
	service_resume(&service, 0);
	check_equal("RCX and R11 behind it", 0x1122 + 1, call.result);
}

int main(void)
{
	/* mov r10, r11; mov ecx, 0x1122; mov r11d, 1; syscall; lea eax, [rcx + r11]; jmp r10 */
	static const uint8_t code[] = { 0x4d, 0x89, 0xda, 0xb9, 0x22, 0x11, 0, 0, 0x41, 0xbb, 1, 0, 0, 0, 0x0f, 0x05,
					0x42, 0x8d, 0x04, 0x19, 0x41, 0xff, 0xe2 };
	const unsigned at = 14;
	uint8_t harmless[sizeof code];
	uint64_t offset;

	vdso_find();
	service_add(&service, NULL);
	offset = (service.room - service.enclave.base + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	uint8_t *zeros = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	enclave_add(&service.enclave, offset, zeros, PAGE, SECINFO_R | SECINFO_W | SECINFO_X | SECINFO_REG);
	enclave_init(&service.enclave);
	service_map(&service);
	enclave_map(&service.enclave, offset, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	page = service.enclave.base + offset;

	memcpy(harmless, code, sizeof code);
	memcpy(harmless + at, "\x66\x90", 2);
	write_code(harmless, sizeof harmless);
	check_equal("the code without SYSCALL", 0x1123, service_do(&service, 0, OP_JUMP, page, 0, 0, 0));
	for (int round = 0; round < 3; round++) {
		struct call call = { .operation = OP_JUMP, .a = page };
		struct call skip = { .operation = OP_EXCEPTION, .a = 2 };
		struct sgx_enclave_run run;

		write_code(code, sizeof code);
		service_expect_exception(&service, 0, &call, "SYSCALL", VECTOR_UD, &run);
		check_equal("RIP in the SSA frame", page + at, service_call(&service, 0, &skip));
		service_resume(&service, 0);
		illegal(at, "SYSCALL a second time");
		illegal(at, "SYSCALL a third time");
		write_code(harmless, sizeof harmless);
		for (int i = 0; i < 3; i++)
			check_equal("the code without SYSCALL again", 0x1123, service_do(&service, 0, OP_JUMP, page, 0, 0, 0));
	}
	return 0;
}
