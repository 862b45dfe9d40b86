/*
 * The out-of-tree driver leaves launch control to a launch enclave.
 *
 * It does not write IA32_SGXLEPUBKEYHASH0 to 3, so only the signer that is there
 * starts enclaves without a token: the maker of the launch enclave, which alone
 * may have EINITTOKEN_KEY. With that key it makes tokens, each for one enclave;
 * INIT hands them to EINIT and returns EINIT's error codes as they are.
 * Source: 01org/linux-sgx-driver, sgx_ioctl.c, sgx_ioc_enclave_init; SDM 3D, EINIT.
 *
 * Arguments: `signer KEY` prints the MRSIGNER for `--launch-hash`; `launch KEY` runs
 * on that machine; `foreign KEY` on one that has another's.
 *
 * Uapi: isgx
 */
#include <string.h>

#include "by_address.h"
#include "check.h"
#include "keys.h"
#include "sign.h"

/* Error codes of EINIT. */
#define SGX_INVALID_ATTRIBUTE 2
#define SGX_INVALID_MEASUREMENT 4
#define SGX_INVALID_EINITTOKEN 16

static const char *launch_key;
static struct service launcher;

/* An enclave as far as INIT; with which token, the caller says. */
static void add(struct service *service, uint64_t attributes, const char *key, const struct einittoken *token)
{
	struct service_options options = { .enclave.attributes = attributes, .data_pages = 2 };

	sigstruct_use_key(key);
	memset(by_address_token, 0, sizeof by_address_token);
	if (token != NULL)
		memcpy(by_address_token, token, sizeof *token);
	service_add(service, &options);
}

static uint64_t init(struct service *service)
{
	return (uint64_t)by_address_init(&service->enclave);
}

static uint64_t try_init(uint64_t attributes, const char *key)
{
	struct service service;
	uint64_t status;

	add(&service, attributes, key, NULL);
	status = init(&service);
	enclave_destroy(&service.enclave);
	return status;
}

/* What a launch enclave does, but for the key's coming out of it. */
static void make_token(const struct service *target, struct einittoken *token)
{
	struct keyrequest request = { .key_name = KEY_EINITTOKEN, .attribute_mask = ~0ul, .xfrm_mask = ~0ul, .miscmask = ~0u };
	static const struct targetinfo nobody;
	static const uint8_t data[64];
	struct report report;
	uint8_t key[16];

	service_report(&launcher, &nobody, data, &report);
	memset(token, 0, sizeof *token);
	token->valid = 1;
	token->attributes = target->enclave.secs.attributes;
	token->xfrm = target->enclave.secs.xfrm;
	memcpy(token->mrenclave, target->enclave.sigstruct.enclave_hash, sizeof token->mrenclave);
	sigstruct_signer(&target->enclave.sigstruct, token->mrsigner);
	memcpy(token->cpusvn_le, report.cpusvn, sizeof token->cpusvn_le);
	token->masked_miscselect_le = report.miscselect;
	token->masked_attributes_le = report.attributes;
	token->masked_xfrm_le = report.xfrm;
	memset(token->key_id, 0x5a, sizeof token->key_id);
	memcpy(request.cpusvn, report.cpusvn, sizeof request.cpusvn);
	memcpy(request.key_id, token->key_id, sizeof request.key_id);
	check_equal("EGETKEY of the launch enclave", 0, service_get_key(&launcher, &request, key));
	cmac(key, token, offsetof(struct einittoken, cpusvn_le), token->mac);
}

static uint64_t init_with(struct service *service, const struct einittoken *token)
{
	memcpy(by_address_token, token, sizeof *token);
	return init(service);
}

static void launch(void)
{
	struct einittoken token, changed;
	struct service service;

	check_equal("an enclave of another signer without a token", SGX_INVALID_EINITTOKEN, try_init(0, NULL));
	check_equal("EINITTOKEN_KEY for another signer", SGX_INVALID_ATTRIBUTE,
		    try_init(ATTRIBUTE_EINITTOKENKEY, NULL));
	check_equal("an ordinary enclave of the launch enclave's signer", 0, try_init(0, launch_key));
	add(&launcher, ATTRIBUTE_EINITTOKENKEY, launch_key, NULL);
	check_equal("the launch enclave", 0, init(&launcher));
	service_map(&launcher);

	add(&service, 0, NULL, NULL);
	check_equal("without a token once more", SGX_INVALID_EINITTOKEN, init(&service));
	make_token(&service, &token);
	changed = token;
	changed.mac[0] ^= 1;
	check_equal("a token with another MAC", SGX_INVALID_EINITTOKEN, init_with(&service, &changed));
	changed = token;
	changed.attributes |= ATTRIBUTE_PROVISIONKEY;
	check_equal("a token with changed attributes", SGX_INVALID_EINITTOKEN, init_with(&service, &changed));
	changed = token;
	changed.reserved_4[7] = 1;
	check_equal("a token with reserved bits", SGX_INVALID_EINITTOKEN, init_with(&service, &changed));
	check_equal("the token", 0, init_with(&service, &token));
	service_map(&service);
	service_do(&service, 0, OP_WRITE, service.data, 4711, 0, 0);
	check_equal("the enclave runs", 4711, service_do(&service, 0, OP_READ, service.data, 0, 0, 0));
	enclave_destroy(&service.enclave);

	/* Another signer's enclave of the same bytes, then other bytes. */
	add(&service, 0, NULL, &token);
	check_equal("the token for another's enclave", SGX_INVALID_MEASUREMENT, init(&service));
	enclave_destroy(&service.enclave);
}

int main(int argc, char **argv)
{
	check_equal("arguments", 3, (uint64_t)argc);
	launch_key = argv[2];
	if (strcmp(argv[1], "signer") == 0) {
		sigstruct_print_signer(launch_key);
		return 0;
	}
	vdso_find();
	if (strcmp(argv[1], "launch") == 0) {
		launch();
		return 0;
	}
	check_equal("an enclave of its own signer", SGX_INVALID_EINITTOKEN, try_init(0, launch_key));
	check_equal("a launch enclave", SGX_INVALID_ATTRIBUTE, try_init(ATTRIBUTE_EINITTOKENKEY, launch_key));
	return 0;
}
