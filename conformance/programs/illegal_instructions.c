/*
 * Instructions that an enclave may not execute raise #UD; an exception handler
 * in the enclave can skip each and go on.
 *
 * Hardware: CPUID, SYSCALL, INT n, I/O, far branches, loads of segment
 * registers and the virtualisation instructions are #UD inside an enclave. The
 * AEX saves the RIP of the instruction and EXITINFO says: vector 6, hardware
 * exception, valid. RDTSC is allowed on processors with SGX2.
 * Kernel: the vDSO returns with vector 6, error code 0 and address 0.
 * Source: SDM 3D, "Illegal Instructions" and "RDTSC and RDTSCP Instructions" in
 * "Enclave Operation"; EXITINFO in "Enclave Access Control and Data Structures";
 * Linux arch/x86/kernel/traps.c, fixup_vdso_exception.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "service.h"

struct instruction {
	const char *name;
	uint8_t length;
	uint8_t bytes[8];
};

static const struct instruction illegal[] = {
	{ "CPUID", 2, { 0x0f, 0xa2 } },
	{ "SYSCALL", 2, { 0x0f, 0x05 } },
	{ "SYSENTER", 2, { 0x0f, 0x34 } },
	{ "INT 80h", 2, { 0xcd, 0x80 } },
	{ "INT 3 of two bytes", 2, { 0xcd, 0x03 } },
	{ "IN AL, DX", 1, { 0xec } },
	{ "OUT DX, AL", 1, { 0xee } },
	{ "INSB", 1, { 0x6c } },
	{ "OUTSB", 1, { 0x6e } },
	{ "IRETQ", 2, { 0x48, 0xcf } },
	{ "RETF", 1, { 0xcb } },
	{ "MOV DS, AX", 2, { 0x8e, 0xd8 } },
	{ "MOV ES, AX", 2, { 0x8e, 0xc0 } },
	{ "POP FS", 2, { 0x0f, 0xa1 } },
	{ "POP GS", 2, { 0x0f, 0xa9 } },
	{ "LSS RAX, [RSI]", 4, { 0x48, 0x0f, 0xb2, 0x06 } },
	{ "RDPMC", 2, { 0x0f, 0x33 } },
	{ "VMCALL", 3, { 0x0f, 0x01, 0xc1 } },
	{ "VMFUNC", 3, { 0x0f, 0x01, 0xd4 } },
	{ "UD2", 2, { 0x0f, 0x0b } },
};

#define COUNT (sizeof illegal / sizeof *illegal)
#define SLOT 32
#define RESULT 0x5a5a

/* Each instruction, followed by "mov eax, RESULT; jmp *r11". */
static void write_slot(uint8_t *slot, const struct instruction *instruction)
{
	static const uint8_t tail[] = { 0xb8, RESULT & 0xff, RESULT >> 8, 0, 0, 0x41, 0xff, 0xe3 };

	memcpy(slot, instruction->bytes, instruction->length);
	memcpy(slot + instruction->length, tail, sizeof tail);
}

static void one(struct service *service, const struct instruction *instruction, uint64_t address)
{
	uint8_t scratch[32] = { 0 };
	struct call call = { .operation = OP_JUMP, .a = address, .b = (uint64_t)scratch };
	struct call handler = { .operation = OP_EXCEPTION, .a = instruction->length };
	struct sgx_enclave_run run;
	char what[64];

	snprintf(what, sizeof what, "%s inside an enclave", instruction->name);
	service_expect_exception(service, 0, &call, what, VECTOR_UD, &run);
	check_equal("function after the exception", ERESUME, run.function);
	check_equal("error code", 0, run.exception_error_code);
	check_equal("address", 0, run.exception_addr);

	check_equal("RIP in the SSA frame", address, service_call(service, 0, &handler));
	check_equal("EXITINFO in the SSA frame", EXITINFO_VALID | EXITINFO_HARDWARE | VECTOR_UD, handler.b);
	service_resume(service, 0);
	check_equal("what the code behind the instruction returned", RESULT, call.result);
}

int main(void)
{
	static const struct instruction rdtsc = { "RDTSC", 2, { 0x0f, 0x31 } };
	uint8_t *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct service_options options = { .code = code, .code_length = PAGE };
	struct service service;

	if (code == MAP_FAILED)
		die("map a page");
	memset(code, 0x90, PAGE); /* padded as compilers pad */
	for (size_t i = 0; i < COUNT; i++)
		write_slot(code + i * SLOT, &illegal[i]);
	write_slot(code + COUNT * SLOT, &rdtsc);
	service_build(&service, &options);
	for (size_t i = 0; i < COUNT; i++)
		one(&service, &illegal[i], service.code + i * SLOT);
	check_equal("what the code behind RDTSC returned", RESULT,
		    service_do(&service, 0, OP_JUMP, service.code + COUNT * SLOT, 0, 0, 0));
	return 0;
}
