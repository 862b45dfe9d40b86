/*
 * The TCS or the SSA frame of a thread that has entered often is made
 * inaccessible, or unmapped: EENTER faults, until it is there again.
 *
 * Hardware: EENTER reads and writes the TCS and the current SSA frame by their
 * linear addresses, and ERESUME the newest frame in use; where that is not
 * allowed it is a #PF at the ENCLU.
 * Source: SDM 3D, EENTER, ERESUME, "64-Bit Mode Exceptions".
 */
#include <sys/mman.h>

#include "check.h"
#include "service.h"

static struct service service;

static void expect_fault(const char *what, uint32_t leaf, uint64_t address)
{
	struct call call = { 0 };
	struct sgx_enclave_run run;

	check_equal("the vDSO's answer", 0,
		    (uint64_t)service_try(&service, service_tcs(&service, 0), &call, leaf, &run));
	check_equal(what, leaf, run.function);
	check_equal("its exception", VECTOR_PF, run.exception_vector);
	check_equal("its address", address, run.exception_addr & ~(PAGE - 1));
}

static void enter(int times)
{
	for (int i = 0; i < times; i++)
		check_equal("CSSA at entry", 0, service_do(&service, 0, OP_CSSA, 0, 0, 0, 0));
}

static void take_away(uint64_t page, uint32_t leaf)
{
	if (mprotect((void *)page, PAGE, PROT_NONE) != 0)
		die("mprotect to nothing");
	expect_fault("a leaf with the page inaccessible", leaf, page);
	if (mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE) != 0)
		die("mprotect back");
}

int main(void)
{
	uint64_t tcs, frame;
	struct call fault = { .operation = OP_READ, .a = 0 };
	struct sgx_enclave_run run;

	service_build(&service, NULL);
	tcs = service_tcs(&service, 0);
	frame = tcs + THREAD_SSA;
	enter(3);
	take_away(tcs, EENTER);
	enter(3);
	take_away(frame, EENTER);
	enter(3);

	for (int round = 0; round < 3; round++) {
		service_expect_exception(&service, 0, &fault, "a read of nothing", VECTOR_PF, &run);
		service_do(&service, 0, OP_EXCEPTION, 3, 0, 0, 0);
		if (round > 0)
			take_away(round == 1 ? tcs : frame, ERESUME);
		service_resume(&service, 0);
	}
	enter(3);

	if (munmap((void *)tcs, PAGE) != 0)
		die("munmap");
	expect_fault("EENTER with the TCS unmapped", EENTER, tcs);
	enclave_map(&service.enclave, tcs - service.enclave.base, PAGE, PROT_READ | PROT_WRITE);
	enter(3);
	return 0;
}
