/*
 * The vDSO's user handler.
 *
 * Kernel: it is called after every exit, by EEXIT (function = 4) or by an
 * exception (function = 3 or 2, with vector, error code and address), with RDI,
 * RSI, RDX, R8 and R9 as the enclave left them and the stack pointer at exit in
 * RCX. What it returns is returned when it is zero or negative, and is the next
 * ENCLU function when it is positive; one that is neither EENTER nor ERESUME
 * gives -EINVAL, and so do reserved bytes that are not zero.
 * Source: Linux arch/x86/entry/vdso/vsgx.S; arch/x86/include/uapi/asm/sgx.h.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "service.h"

static struct service service;
static int calls;

static int check_registers(long rdi, long rsi, long rdx, long rsp, long r8, long r9,
			   struct sgx_enclave_run *run)
{
	uint64_t here;

	calls++;
	check_equal("function after EEXIT", EEXIT, run->function);
	check_equal("RDI", 11, (uint64_t)rdi);
	check_equal("RSI", 22, (uint64_t)rsi);
	check_equal("RDX", 33, (uint64_t)rdx);
	check_equal("R8", 44, (uint64_t)r8);
	check_equal("R9", 55, (uint64_t)r9);
	check("RSP at exit is a little above the handler's frame",
	      (uint64_t)rsp > (uint64_t)&here && (uint64_t)rsp - (uint64_t)&here < 4096);
	check_equal("user_data", 0x1234, run->user_data);
	return -7;
}

/* Repairs a page fault and goes on; then lets the result through. */
static int repair(long rdi, long rsi, long rdx, long rsp, long r8, long r9, struct sgx_enclave_run *run)
{
	(void)rsp;
	(void)r8;
	(void)r9;
	calls++;
	if (run->function == EEXIT)
		return 0;
	check_equal("function after an exception", ERESUME, run->function);
	check_equal("exception vector", VECTOR_PF, run->exception_vector);
	check_equal("error code", PFEC_P | PFEC_W | PFEC_U, run->exception_error_code);
	check_equal("address", service.data, run->exception_addr);
	/* These three hold the exception. */
	check_equal("RDI", VECTOR_PF, (uint64_t)rdi);
	check_equal("RSI", PFEC_P | PFEC_W | PFEC_U, (uint64_t)rsi);
	check_equal("RDX", service.data, (uint64_t)rdx);
	if (mprotect((void *)service.data, PAGE, PROT_READ | PROT_WRITE) != 0)
		die("mprotect");
	return ERESUME;
}

static int ask_for_eexit(long rdi, long rsi, long rdx, long rsp, long r8, long r9,
			 struct sgx_enclave_run *run)
{
	(void)rdi, (void)rsi, (void)rdx, (void)rsp, (void)r8, (void)r9, (void)run;
	calls++;
	return EEXIT;
}

int main(void)
{
	struct call registers = { .operation = OP_REGISTERS, .a = 11, .b = 22, .c = 33, .d = 44, .e = 55 };
	struct call write_it = { .operation = OP_WRITE, .b = 77 };
	struct sgx_enclave_run run = { .user_handler = (uint64_t)check_registers, .user_data = 0x1234 };

	service_build(&service, NULL);
	run.tcs = service_tcs(&service, 0);
	check_equal("what a handler's -7 becomes", (uint32_t)-7,
		    (uint32_t)vdso_enter((uint64_t)&registers, 0, 0, EENTER, 0, 0, &run));
	check_equal("calls of the handler", 1, (uint64_t)calls);

	/* The page is there, so that only the mapping's protection is in the way. */
	write_it.a = service.data + 8;
	service_do(&service, 0, OP_WRITE, write_it.a, 1, 0, 0);
	if (mprotect((void *)service.data, PAGE, PROT_READ) != 0)
		die("mprotect");
	service_do(&service, 0, OP_READ, write_it.a, 0, 0, 0);
	calls = 0;
	run.user_handler = (uint64_t)repair;
	check_equal("an entry whose fault the handler repairs", 0,
		    (uint64_t)vdso_enter((uint64_t)&write_it, 0, 0, EENTER, 0, 0, &run));
	check_equal("calls of the handler", 2, (uint64_t)calls);
	check_equal("what was written", 77, service_do(&service, 0, OP_READ, write_it.a, 0, 0, 0));

	calls = 0;
	run.user_handler = (uint64_t)ask_for_eexit;
	check_equal("a handler that asks for EEXIT", (uint32_t)-EINVAL,
		    (uint32_t)vdso_enter((uint64_t)&registers, 0, 0, EENTER, 0, 0, &run));
	check_equal("calls of the handler", 1, (uint64_t)calls);

	run.user_handler = 0;
	check_equal("function EEXIT from the caller", (uint32_t)-EINVAL,
		    (uint32_t)vdso_enter((uint64_t)&registers, 0, 0, EEXIT, 0, 0, &run));
	run.reserved[sizeof run.reserved - 1] = 1;
	check_equal("a reserved byte that is not zero", (uint32_t)-EINVAL,
		    (uint32_t)vdso_enter((uint64_t)&registers, 0, 0, EENTER, 0, 0, &run));
	run.reserved[sizeof run.reserved - 1] = 0;

	/* An address that is no TCS: EENTER itself faults. */
	run.tcs = service.data;
	check_equal("EENTER on a page that is no TCS", 0,
		    (uint64_t)vdso_enter((uint64_t)&registers, 0, 0, EENTER, 0, 0, &run));
	check_equal("function that faulted", EENTER, run.function);
	check_equal("exception vector", VECTOR_PF, run.exception_vector);
	run.tcs = service_tcs(&service, 0) + 8;
	check_equal("EENTER on an address in the middle of a page", 0,
		    (uint64_t)vdso_enter((uint64_t)&registers, 0, 0, EENTER, 0, 0, &run));
	check_equal("exception vector", VECTOR_GP, run.exception_vector);
	return 0;
}
