/*
 * A compiler in an enclave: its page of code by EAUG and EACCEPTCOPY.
 *
 * "EAUG and then EACCEPTCOPY feeded with permissions": the enclave emits code
 * into a page of its own that may be written, has a new page, and accepts it as a
 * copy for reading and executing only: it was never writable. "Not to mention
 * that JIT is not possible at all because inability to do RX pages" (seed 001) is
 * answered by a maximum of RWX, as the RFC of March 2022, V3 and Linux 6.0 have;
 * with V2's maximum of RW the jump is refused by the page table.
 * Source: SDM 3D, EACCEPTCOPY.
 *
 * Uapi: edmm-v2 edmm-augment edmm-v3 v6.0
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "edmm.h"

#define FUNCTIONS 16

static struct service service;

/* Emits a function that returns RSI * factor + addend. */
static size_t emit(uint8_t *code, uint32_t factor, uint32_t addend)
{
	static const uint8_t multiply[] = { 0x69, 0xc6 }; /* imul eax, esi, imm32 */
	uint8_t *at = code;

	memcpy(at, multiply, sizeof multiply);
	memcpy(at + 2, &factor, 4);
	at[6] = 0x05; /* add eax, imm32 */
	memcpy(at + 7, &addend, 4);
	memcpy(at + 11, (const uint8_t[]){ 0x41, 0xff, 0xe3 }, 3); /* jmp *r11 */
	return 14;
}

int main(void)
{
	struct service_options options = { .data_pages = 2 };
	bool executes = strcmp(UAPI, "edmm-v2") != 0;
	struct sgx_enclave_run run;
	uint8_t code[32];

	service_build(&service, &options);
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		uint64_t page = service.room + i * PAGE, buffer = service.data + PAGE;

		service_do(&service, 0, OP_COPY, buffer, (uint64_t)code, emit(code, i + 3, i), 0);
		check_equal("EACCEPTCOPY of code as RX", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPTCOPY, EDMM_RX, page, buffer));

		struct call call = { .operation = OP_JUMP, .a = page, .b = 1000 };

		if (executes) {
			check_equal("what the code returned", 1000ul * (i + 3) + i, service_call(&service, 0, &call));
		} else {
			service_expect_exception(&service, 0, &call, "a jump to it", VECTOR_PF, &run);
			check_equal("error code: the page table's", 0, run.exception_error_code & PFEC_SGX);
			return 0;
		}

		struct call write_it = { .operation = OP_WRITE, .a = page };

		service_expect_exception(&service, 0, &write_it, "a write to the code", VECTOR_PF, &run);
		check_equal("error code: the EPCM's", PFEC_SGX | PFEC_P | PFEC_W | PFEC_U, run.exception_error_code);
		/* The handler leaves the instruction of the write out. */
		service_do(&service, 0, OP_EXCEPTION, 3, 0, 0, 0);
		service_resume(&service, 0);
	}
	return 0;
}
