/*
 * The kernel is outside too: a system call that is given enclave memory reads
 * 0xff from it and its writes vanish.
 *
 * Run: --isolation=strict
 *
 * Hardware: abort-page semantics hold for every access from outside, at any
 * privilege level.
 * Source: SDM 3D, "Access-control Requirements" (non-enclave accesses).
 */
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

int main(void)
{
	static struct service service;
	uint8_t ones[16], seen[16] = { 0 };
	int ends[2];

	memset(ones, 0xff, sizeof ones);
	service_build(&service, NULL);
	service_do(&service, 0, OP_WRITE, service.data, 0x123456789, 0, 0);
	if (pipe(ends) != 0)
		die("pipe");

	check_equal("write() from enclave memory", sizeof seen,
		    (uint64_t)write(ends[1], (void *)service.data, sizeof seen));
	check_equal("read() of it", sizeof seen, (uint64_t)read(ends[0], seen, sizeof seen));
	check_bytes("what write() took from the enclave", ones, seen, sizeof ones);

	if (write(ends[1], "0123456789abcdef", 16) != 16)
		die("write");
	check_equal("read() into enclave memory", 16,
		    (uint64_t)read(ends[0], (void *)service.data, 16));
	check_equal("the enclave's memory after read()", 0x123456789,
		    service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	return 0;
}
