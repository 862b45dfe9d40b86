/* EGETKEY and EREPORT, run by the service enclave; the results are copied out,
 * which no real enclave would do. */
#ifndef CONFORMANCE_KEYS_H
#define CONFORMANCE_KEYS_H

#include "service.h"

/* Runs EGETKEY; needs a second data page. Returns RAX. */
uint64_t service_get_key(struct service *service, const struct keyrequest *request, uint8_t key[16]);

/* Runs EREPORT; needs a second data page. */
void service_report(struct service *service, const struct targetinfo *target,
		    const uint8_t report_data[64], struct report *report);

/* AES-128-CMAC (RFC 4493). */
void cmac(const uint8_t key[16], const void *message, size_t length, uint8_t mac[16]);

#endif
