/*
 * An enclave three times the EPC, read from end to end: each read needs a page
 * that was evicted, and evicts another.
 *
 *   evict EPC_MEBIBYTES REPETITIONS
 *
 * Prints "evict", nanoseconds for each page read, and in the end "touches", how
 * many pages were read, to compare with the machine's own count of loads.
 */
#include "bench.h"
#include "check.h"

int main(int argc, char **argv)
{
	static struct service service;
	uint64_t length = 3 * (argument(argc, argv, 1, 8) << 20), repetitions = argument(argc, argv, 2, 3);
	uint64_t pages = length / PAGE, size = 16ul << 20;

	while (size < length + (8ul << 20))
		size *= 2;
	service_build(&service, &(struct service_options){ .size = size, .heap_length = length });
	service_do(&service, 0, OP_FILL, service.heap, 12345, pages, 0);
	for (uint64_t i = 0; i < repetitions; i++) {
		uint64_t began = now();

		check_equal("pages with other contents than before", 0,
			    service_do(&service, 0, OP_VERIFY, service.heap, 12345, pages, 0));
		report("evict", (double)(now() - began) / (double)pages);
	}
	report("touches", (double)(pages * (repetitions + 1)));
	return 0;
}
