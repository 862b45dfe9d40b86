/*
 * EACCEPTCOPY: a pending page gets its content and its permissions in one step,
 * execute permission included.
 *
 * Hardware: the destination must be pending and regular, the source readable in
 * the same enclave; afterwards the page has the source's bytes and SECINFO's
 * permissions and is not pending. A destination that is not pending is refused
 * with SGX_PAGE_ATTRIBUTES_MISMATCH.
 * Source: SDM 3D, EACCEPTCOPY.
 */
#include <sys/mman.h>

#include "check.h"
#include "service.h"

#define RX (SECINFO_REG | SECINFO_R | SECINFO_X)

int main(void)
{
	/* lea rax, [rsi + rsi * 2]; jmp *r11 */
	static const uint8_t code[] = { 0x48, 0x8d, 0x04, 0x76, 0x41, 0xff, 0xe3 };
	struct service_options options = { .data_pages = 2 };
	static struct service service;
	struct sgx_enclave_run run;
	uint64_t source;

	service_build(&service, &options);
	source = service.data + PAGE;
	service_do(&service, 0, OP_COPY, source, (uint64_t)code, sizeof code, 0);
	service_do(&service, 0, OP_WRITE, source + 4088, 31337, 0, 0);

	for (uint64_t i = 0; i < 8; i++) {
		uint64_t page = service.room + i * PAGE;
		struct call write_it = { .operation = OP_WRITE, .a = page, .b = 1 };

		check_equal("EACCEPTCOPY", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPTCOPY, RX, page, source));
		check_equal("the last bytes of the copy", 31337,
			    service_do(&service, 0, OP_READ, page + 4088, 0, 0, 0));
		check_equal("what the copied code returns", 3 * i,
			    service_do(&service, 0, OP_JUMP, page, i, 0, 0));
		check_equal("EACCEPTCOPY to a page that is not pending", SGX_PAGE_ATTRIBUTES_MISMATCH,
			    service_accept(&service, 0, EACCEPTCOPY, RX, page, source));
		if (i != 7)
			continue;
		service_expect_exception(&service, 0, &write_it, "a write to a page accepted for reading",
					 VECTOR_PF, &run);
		check_equal("error code", PFEC_SGX | PFEC_U | PFEC_P | PFEC_W, run.exception_error_code);
	}
	return 0;
}
