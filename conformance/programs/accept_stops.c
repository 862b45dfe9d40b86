/*
 * A thousand EACCEPTs of pages in a row, each behind an entry of its own.
 *
 * Hardware: EACCEPT is an instruction like others; it does not leave the
 * enclave but for the fault that has a page added.
 * Source: SDM 3D, EACCEPT.
 *
 * accept_stops.run looks how often the program had to stop for them.
 */
#include "check.h"
#include "service.h"

#define PAGES 1000

int main(void)
{
	static struct service service;
	struct service_options options = { .size = 64ul << 20 };

	service_build(&service, &options);
	for (uint64_t i = 0; i < PAGES; i++)
		check_equal("EACCEPT", SGX_SUCCESS,
			    service_accept(&service, 0, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING,
					   service.room + i * PAGE, 0));
	return 0;
}
