#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "check.h"

extern const char __start_enclave_bench[], __stop_enclave_bench[];

uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ul + (uint64_t)time.tv_nsec;
}

void report(const char *name, double value)
{
	printf("%s %.3f\n", name, value);
	fflush(stdout);
}

uint64_t argument(int argc, char **argv, int i, uint64_t otherwise)
{
	return i < argc ? strtoull(argv[i], NULL, 0) : otherwise;
}

uint64_t bench_code_length(void)
{
	uint64_t length = (uint64_t)(__stop_enclave_bench - __start_enclave_bench);

	return (length + PAGE - 1) & ~(PAGE - 1);
}

const void *bench_code(void)
{
	static void *copy;

	if (copy != NULL)
		return copy;
	/* Executable too: the same copy is what runs outside. */
	copy = mmap(NULL, bench_code_length(), PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (copy == MAP_FAILED)
		die("map the code");
	memcpy(copy, __start_enclave_bench, (size_t)(__stop_enclave_bench - __start_enclave_bench));
	return copy;
}

uint64_t bench_at(uint64_t copy, const void *function)
{
	return copy + (uint64_t)function - (uint64_t)__start_enclave_bench;
}

void bench_build(struct service *service, uint64_t room_pages)
{
	struct service_options options = { .code = bench_code(), .code_length = bench_code_length() };
	uint64_t room;

	options.size = 16ul << 20;
	while (options.size < (room_pages << 12) + (8ul << 20))
		options.size *= 2;
	service_build(service, &options);
	room = service->room - service->enclave.base;
	if (room_pages != 0)
		enclave_map(&service->enclave, room, room_pages * PAGE, PROT_READ | PROT_WRITE);
}

uint64_t bench_secinfo(struct service *service, uint64_t flags)
{
	struct secinfo secinfo = { .flags = flags };
	uint64_t inside = service->data + PAGE - sizeof secinfo;

	service_do(service, 0, OP_COPY, inside, (uint64_t)&secinfo, sizeof secinfo, 0);
	return inside;
}

void bench_accept_range(struct service *service, uint64_t secinfo, uint64_t address, uint64_t count)
{
	check_equal("EACCEPT of a range", SGX_SUCCESS,
		    service_do(service, 0, OP_JUMP, bench_at(service->code, bench_accept), address, count,
			       secinfo));
}
