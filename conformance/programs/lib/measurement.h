/* MRENCLAVE: SHA-256 over what ECREATE, EADD and EEXTEND contribute (SDM 3D,
 * the pseudo-code of the three leaves). */
#ifndef CONFORMANCE_MEASUREMENT_H
#define CONFORMANCE_MEASUREMENT_H

#include <stdint.h>

struct measurement;

struct measurement *measurement_create(uint32_t ssa_frame_size, uint64_t size);
void measurement_add_page(struct measurement *measurement, uint64_t offset, uint64_t secinfo_flags);
void measurement_extend_page(struct measurement *measurement, uint64_t offset, const void *page);
/* Frees the measurement. */
void measurement_finish(struct measurement *measurement, uint8_t mrenclave[32]);

#endif
