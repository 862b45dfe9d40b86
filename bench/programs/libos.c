/*
 * What a library OS does when a program starts under it: a large enclave is
 * built, code inside faults and is helped by a handler inside, makes system
 * calls by SYSCALL, which is #UD and emulated by that handler, and the host
 * makes some ioctls.
 *
 *   libos MEBIBYTES FAULTS CALLS IOCTLS
 *
 * Prints "libos", nanoseconds of it all; what of it "building" took, "faults",
 * "calls" and "ioctls"; and "measured", the bytes that went into MRENCLAVE. What
 * this program hashes for its own SIGSTRUCT is in no time.
 */
#include <stdlib.h>
#include <sys/mman.h>

#include "bench.h"
#include "check.h"

#define MEASURED (64 + 16 * (64 + 256)) /* of a page: the records of EADD and 16 times EEXTEND, and its bytes */
#define INVALID_OPCODE 6

static struct service service;

/* Runs code inside that stops so often, each time at an instruction of that length. Returns nanoseconds. */
static double with_help(const char *code, uint64_t count, uint32_t vector, uint64_t length)
{
	struct call call = { .operation = OP_JUMP, .a = bench_at(service.code, code), .b = 0, .c = count };
	struct sgx_enclave_run run;
	uint64_t seen = 0, began = now();

	service_try(&service, service_tcs(&service, 0), &call, EENTER, &run);
	for (; run.function == ERESUME; seen++) {
		check_equal("exception", vector, run.exception_vector);
		service_do(&service, 0, OP_EXCEPTION, length, 0, 0, 0);
		service_try(&service, service_tcs(&service, 0), &call, ERESUME, &run);
	}
	check_equal("how the enclave was left", EEXIT, run.function);
	check_equal("exceptions", count, seen);
	return (double)(now() - began);
}

int main(int argc, char **argv)
{
	uint64_t heap = argument(argc, argv, 1, 256) << 20, ioctls = argument(argc, argv, 4, 20), began, count;
	struct service_options options = { .code = bench_code(), .code_length = bench_code_length(), .size = 2 * heap };
	struct secinfo secinfo = { .flags = SECINFO_REG | SECINFO_R | SECINFO_W };
	struct sgx_enclave_add_pages argument_of = { .length = heap, .secinfo = (uint64_t)&secinfo, .flags = SGX_PAGE_MEASURE };
	double building, faults, calls, control;
	uint64_t *source = mmap(NULL, heap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (source == MAP_FAILED)
		die("map the source");
	for (uint64_t i = 0; i < heap / 8; i++)
		source[i] = i * 0x9e3779b97f4a7c15;
	vdso_find();
	service_add(&service, &options);
	argument_of.src = (uint64_t)source;
	argument_of.offset = service.room - service.enclave.base;
	began = now();
	if (ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &argument_of) != 0)
		die("SGX_IOC_ENCLAVE_ADD_PAGES");
	building = (double)(now() - began);
	check_equal("bytes added", heap, argument_of.count);
	for (uint64_t at = 0; at < heap; at += PAGE) {
		measurement_add_page(service.enclave.measurement, argument_of.offset + at, secinfo.flags);
		measurement_extend_page(service.enclave.measurement, argument_of.offset + at, (const uint8_t *)source + at);
	}
	enclave_sign(&service.enclave);
	began = now();
	enclave_init(&service.enclave);
	building += (double)(now() - began);
	munmap(source, heap);
	service.room += heap; /* the pages are a heap */
	service_map(&service);

	/* The first of each is code that runs for the first time. */
	with_help(bench_fault, 1, VECTOR_PF, 3);
	with_help(bench_syscall, 1, INVALID_OPCODE, 2);
	faults = with_help(bench_fault, argument(argc, argv, 2, 500), VECTOR_PF, 3);
	calls = with_help(bench_syscall, argument(argc, argv, 3, 300), INVALID_OPCODE, 2);
	began = now();
	for (uint64_t i = 0; i < ioctls; i++)
		check_equal("RESTRICT_PERMISSIONS", 0,
			    (uint64_t)enclave_restrict(&service.enclave, service.heap + i * PAGE, PAGE, SECINFO_R, NULL, &count));
	control = (double)(now() - began);
	report("libos", building + faults + calls + control);
	report("building", building);
	report("faults", faults);
	report("calls", calls);
	report("ioctls", control);
	report("measured", (double)(heap / PAGE * MEASURED));
	return 0;
}
