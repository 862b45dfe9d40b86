/*
 * Data sealed by one run of an enclave is read by the next run of the same
 * enclave on the same machine, and by nothing else.
 *
 * Hardware: EGETKEY derives the seal key from the processor's own secrets, the
 * enclave's measurement (KEYPOLICY.MRENCLAVE), its attributes, SVNs and the KEYID
 * of the request: the same today and tomorrow, different for another enclave,
 * another KEYID and on another processor. A CPUSVN or ISVSVN beyond the current
 * one, an unknown key name and a key whose attribute the enclave lacks are
 * refused with a code in RAX.
 * Source: SDM 3D, EGETKEY.
 *
 * sealing.run runs it: "seal FILE", "unseal FILE" and "refused FILE".
 */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "keys.h"

static const char secret[] = "what the enclave wants to find again";

struct sealed {
	uint8_t key_id[32];
	uint8_t iv[12];
	uint8_t tag[16];
	uint8_t text[sizeof secret];
};

static struct keyrequest seal_request(const uint8_t key_id[32])
{
	struct keyrequest request = {
		.key_name = KEY_SEAL,
		.key_policy = KEYPOLICY_MRENCLAVE,
		.attribute_mask = ~0ul,
		.xfrm_mask = ~0ul,
	};

	memcpy(request.key_id, key_id, sizeof request.key_id);
	return request;
}

/* AES-128-GCM, sealing or opening. Returns whether the tag was right. */
static bool crypt(const uint8_t key[16], struct sealed *sealed, const void *in, void *out, bool seal)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int length;
	bool right;

	check("AES-GCM is to be had",
	      EVP_CipherInit_ex(context, EVP_aes_128_gcm(), NULL, key, sealed->iv, seal) == 1 &&
		      EVP_CipherUpdate(context, out, &length, in, sizeof secret) == 1);
	if (!seal)
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, sizeof sealed->tag, sealed->tag);
	right = EVP_CipherFinal_ex(context, (uint8_t *)out + length, &length) == 1;
	if (seal)
		EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, sizeof sealed->tag, sealed->tag);
	EVP_CIPHER_CTX_free(context);
	return right;
}

static void seal(struct service *service, const char *path)
{
	struct sealed sealed;
	struct keyrequest request;
	uint8_t key[16], again[16], other[16];
	FILE *file = fopen(path, "wb");

	RAND_bytes(sealed.key_id, sizeof sealed.key_id);
	RAND_bytes(sealed.iv, sizeof sealed.iv);
	request = seal_request(sealed.key_id);
	check_equal("EGETKEY", SGX_SUCCESS, service_get_key(service, &request, key));
	check_equal("EGETKEY", SGX_SUCCESS, service_get_key(service, &request, again));
	check_bytes("the same key for the same request", key, again, sizeof key);
	request.key_id[0] ^= 1;
	check_equal("EGETKEY", SGX_SUCCESS, service_get_key(service, &request, other));
	check("another KEYID gives another key", memcmp(key, other, sizeof key) != 0);

	/* What is refused. */
	request = seal_request(sealed.key_id);
	memset(request.cpusvn, 0xff, sizeof request.cpusvn);
	check_equal("EGETKEY with a CPUSVN of the future", SGX_INVALID_CPUSVN,
		    service_get_key(service, &request, other));
	request = seal_request(sealed.key_id);
	request.isv_svn = 8;
	check_equal("EGETKEY with an ISVSVN of the future", SGX_INVALID_ISVSVN,
		    service_get_key(service, &request, other));
	request.isv_svn = 7;
	check_equal("EGETKEY with the present ISVSVN", SGX_SUCCESS,
		    service_get_key(service, &request, other));
	request = seal_request(sealed.key_id);
	request.key_name = 77;
	check_equal("EGETKEY with an unknown key name", SGX_INVALID_KEYNAME,
		    service_get_key(service, &request, other));
	request.key_name = KEY_PROVISION;
	check_equal("EGETKEY of the provisioning key without the attribute", SGX_INVALID_ATTRIBUTE,
		    service_get_key(service, &request, other));

	crypt(key, &sealed, secret, sealed.text, true);
	if (file == NULL || fwrite(&sealed, sizeof sealed, 1, file) != 1 || fclose(file) != 0)
		die("write the sealed data");
}

static bool unseal(struct service *service, const char *path)
{
	struct sealed sealed;
	struct keyrequest request;
	uint8_t key[16];
	char text[sizeof secret];
	FILE *file = fopen(path, "rb");

	if (file == NULL || fread(&sealed, sizeof sealed, 1, file) != 1)
		die("read the sealed data");
	fclose(file);
	request = seal_request(sealed.key_id);
	check_equal("EGETKEY", SGX_SUCCESS, service_get_key(service, &request, key));
	return crypt(key, &sealed, sealed.text, text, false) && memcmp(text, secret, sizeof text) == 0;
}

int main(int argc, char **argv)
{
	static uint8_t data[2 * PAGE] __attribute__((aligned(4096)));
	struct service_options options = { .enclave = { .isv_svn = 7 }, .data_pages = 2, .data = data };
	static struct service service, other;

	check("called with what to do and a file", argc == 3);
	service_build(&service, &options);
	if (strcmp(argv[1], "seal") == 0)
		seal(&service, argv[2]);
	else if (strcmp(argv[1], "unseal") == 0)
		check("the same enclave on the same machine reads what it sealed",
		      unseal(&service, argv[2]));
	else
		check("the same enclave on another machine cannot read it", !unseal(&service, argv[2]));

	/* One byte in the enclave makes another measurement and another key. */
	data[0] = 1;
	service_build(&other, &options);
	check("another enclave cannot read it", !unseal(&other, argv[2]));
	return 0;
}
