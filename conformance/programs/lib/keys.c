#include "keys.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <string.h>

#include "check.h"

/* Where the operands go in the second data page. */
#define OPERAND 0
#define REPORT_DATA 512
#define OUTPUT 1024

static uint64_t copy_in(struct service *service, uint64_t place, const void *source, size_t length)
{
	uint64_t inside = service->data + PAGE + place;

	service_do(service, 0, OP_COPY, inside, (uint64_t)source, length, 0);
	return inside;
}

static void copy_out(struct service *service, uint64_t place, void *target, size_t length)
{
	service_do(service, 0, OP_COPY, (uint64_t)target, service->data + PAGE + place, length, 0);
}

uint64_t service_get_key(struct service *service, const struct keyrequest *request, uint8_t key[16])
{
	uint64_t operand = copy_in(service, OPERAND, request, sizeof *request);
	uint64_t error = service_do(service, 0, OP_ENCLU, EGETKEY, operand, service->data + PAGE + OUTPUT, 0);

	copy_out(service, OUTPUT, key, 16);
	return error;
}

void service_report(struct service *service, const struct targetinfo *target,
		    const uint8_t report_data[64], struct report *report)
{
	uint64_t operand = copy_in(service, OPERAND, target, sizeof *target);
	uint64_t data = copy_in(service, REPORT_DATA, report_data, 64);

	service_do(service, 0, OP_ENCLU, EREPORT, operand, data, service->data + PAGE + OUTPUT);
	copy_out(service, OUTPUT, report, sizeof *report);
}

void cmac(const uint8_t key[16], const void *message, size_t length, uint8_t mac[16])
{
	EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "CMAC", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(algorithm);
	char cipher[] = "AES-128-CBC";
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
		OSSL_PARAM_construct_end(),
	};
	size_t written = 16;

	check("AES-CMAC is to be had",
	      context != NULL && EVP_MAC_init(context, key, 16, parameters) == 1 &&
		      EVP_MAC_update(context, message, length) == 1 &&
		      EVP_MAC_final(context, mac, &written, 16) == 1);
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(algorithm);
}
