#include "measurement.h"

#include <openssl/evp.h>
#include <string.h>

#include "architecture.h"
#include "check.h"

static void update(struct measurement *measurement, const void *data, size_t length)
{
	check("SHA-256 takes data", EVP_DigestUpdate((EVP_MD_CTX *)measurement, data, length) == 1);
}

struct measurement *measurement_create(uint32_t ssa_frame_size, uint64_t size)
{
	uint8_t block[64] = "ECREATE";
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	check("SHA-256 is to be had", context != NULL && EVP_DigestInit(context, EVP_sha256()) == 1);
	memcpy(block + 8, &ssa_frame_size, 4);
	memcpy(block + 12, &size, 8);
	update((struct measurement *)context, block, sizeof block);
	return (struct measurement *)context;
}

void measurement_add_page(struct measurement *measurement, uint64_t offset, uint64_t secinfo_flags)
{
	uint8_t block[64] = "EADD";

	memcpy(block + 8, &offset, 8);
	/* The first 48 bytes of SECINFO; all but the flags are zero. */
	memcpy(block + 16, &secinfo_flags, 8);
	update(measurement, block, sizeof block);
}

void measurement_extend_page(struct measurement *measurement, uint64_t offset, const void *page)
{
	for (uint64_t chunk = 0; chunk < PAGE; chunk += 256) {
		uint8_t block[64] = "EEXTEND";
		uint64_t at = offset + chunk;

		memcpy(block + 8, &at, 8);
		update(measurement, block, sizeof block);
		update(measurement, (const uint8_t *)page + chunk, 256);
	}
}

void measurement_finish(struct measurement *measurement, uint8_t mrenclave[32])
{
	EVP_MD_CTX *context = (EVP_MD_CTX *)measurement;

	check("SHA-256 finishes", EVP_DigestFinal(context, mrenclave, NULL) == 1);
	EVP_MD_CTX_free(context);
}
