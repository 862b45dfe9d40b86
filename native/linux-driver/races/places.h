/* Where an address lies in the sources: by binutils' addr2line, once for all addresses of a trace. */
#ifndef RACES_PLACES_H
#define RACES_PLACES_H
#include "schedule.h"

struct place {
	u64 address;
	char function[64], file[64];
	int line;
	bool is_driver; /* one of the kernel's files, and not what stands in for a header */
};
void places_find(const struct trace *trace);
const struct place *place_of(u64 address);
#endif
