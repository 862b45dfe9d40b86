/*
 * SGDT, SIDT, SLDT and STR inside an enclave.
 *
 * Hardware: they are #UD there, as the other illegal instructions are, whatever
 * CR4.UMIP says.
 * Source: SDM 3D, "Illegal Instructions" in "Enclave Operation".
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
	{ "SGDT [RSI]", 3, { 0x0f, 0x01, 0x06 } },
	{ "SIDT [RSI]", 3, { 0x0f, 0x01, 0x0e } },
	{ "SLDT EAX", 3, { 0x0f, 0x00, 0xc0 } },
	{ "STR EAX", 3, { 0x0f, 0x00, 0xc8 } },
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
	uint8_t *code = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct service_options options = { .code = code, .code_length = PAGE };
	struct service service;

	if (code == MAP_FAILED)
		die("map a page");
	memset(code, 0x90, PAGE); /* padded as compilers pad */
	for (size_t i = 0; i < COUNT; i++)
		write_slot(code + i * SLOT, &illegal[i]);
	service_build(&service, &options);
	for (size_t i = 0; i < COUNT; i++)
		one(&service, &illegal[i], service.code + i * SLOT);
	return 0;
}
