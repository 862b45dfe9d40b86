#include "sign.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

/* Made with the build of the conformance programs (parts/make_key.c); others, who link without it, make a key when they need it. */
extern const unsigned char default_key[] __attribute__((weak));
extern const unsigned default_key_length __attribute__((weak));

static EVP_PKEY *key;

static void make_key(void)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	BIGNUM *three = BN_new();

	check("an RSA-3072 key with exponent 3 can be made",
	      context != NULL && three != NULL && BN_set_word(three, 3) == 1 &&
		      EVP_PKEY_keygen_init(context) == 1 &&
		      EVP_PKEY_CTX_set_rsa_keygen_bits(context, 3072) == 1 &&
		      EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, three) == 1 &&
		      EVP_PKEY_generate(context, &key) == 1);
	BN_free(three);
	EVP_PKEY_CTX_free(context);
}

static void take_default_key(void)
{
	const unsigned char *bytes = default_key;

	if (bytes == NULL) {
		make_key();
		return;
	}
	key = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &bytes, default_key_length);
	check("the default key can be read", key != NULL);
}

void sigstruct_use_key(const char *path)
{
	FILE *file = path == NULL ? NULL : fopen(path, "r");

	EVP_PKEY_free(key);
	key = NULL;
	if (file != NULL) {
		key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
		check("the file has a key", key != NULL);
		fclose(file);
		return;
	}
	make_key();
	if (path == NULL)
		return;
	file = fopen(path, "w");
	check("the key can be written",
	      file != NULL && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1 && fclose(file) == 0);
}

static void store(const BIGNUM *number, uint8_t little_endian[384])
{
	check("a number fits 384 bytes", BN_bn2lebinpad(number, little_endian, 384) == 384);
}

/* Q1 = floor(S*S/N), Q2 = floor((S*S mod N)*S/N): the quotients that spare the
 * processor the divisions (SDM 3D, SIGSTRUCT). */
static void store_quotients(struct sigstruct *sigstruct, const BIGNUM *signature, const BIGNUM *modulus)
{
	BN_CTX *context = BN_CTX_new();
	BIGNUM *product = BN_new(), *quotient = BN_new(), *rest = BN_new();

	check("Q1 and Q2 can be computed",
	      BN_sqr(product, signature, context) && BN_div(quotient, rest, product, modulus, context));
	store(quotient, sigstruct->q1);
	check("Q1 and Q2 can be computed",
	      BN_mul(product, rest, signature, context) &&
		      BN_div(quotient, NULL, product, modulus, context));
	store(quotient, sigstruct->q2);
	BN_free(product);
	BN_free(quotient);
	BN_free(rest);
	BN_CTX_free(context);
}

void sigstruct_sign(struct sigstruct *sigstruct)
{
	static const uint8_t header[16] = { 0x06, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0 };
	static const uint8_t header2[16] = { 0x01, 0x01, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 1, 0, 0, 0 };
	uint8_t message[256], big_endian[384];
	size_t length = sizeof big_endian;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	BIGNUM *modulus = NULL, *signature;

	if (key == NULL)
		take_default_key();
	memcpy(sigstruct->header, header, sizeof header);
	memcpy(sigstruct->header2, header2, sizeof header2);
	sigstruct->date = 0x20250101;
	sigstruct->exponent = 3;

	/* Signed are the 128 bytes before the modulus and the 128 from MISCSELECT on. */
	memcpy(message, sigstruct, 128);
	memcpy(message + 128, &sigstruct->miscselect, 128);
	check("the SIGSTRUCT can be signed",
	      EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
		      EVP_DigestSign(context, big_endian, &length, message, sizeof message) == 1 &&
		      length == sizeof big_endian);
	EVP_MD_CTX_free(context);

	check("the modulus can be read", EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1);
	signature = BN_bin2bn(big_endian, sizeof big_endian, NULL);
	store(modulus, sigstruct->modulus);
	store(signature, sigstruct->signature);
	store_quotients(sigstruct, signature, modulus);
	BN_free(modulus);
	BN_free(signature);
}

void sigstruct_print_signer(const char *path)
{
	struct sigstruct sigstruct = { 0 };
	uint8_t mrsigner[32];

	sigstruct_use_key(path);
	sigstruct_sign(&sigstruct);
	sigstruct_signer(&sigstruct, mrsigner);
	for (size_t i = 0; i < sizeof mrsigner; i++)
		printf("%02x", mrsigner[i]);
	printf("\n");
}

void sigstruct_signer(const struct sigstruct *sigstruct, uint8_t mrsigner[32])
{
	check("SHA-256 is to be had",
	      EVP_Digest(sigstruct->modulus, sizeof sigstruct->modulus, mrsigner, NULL, EVP_sha256(), NULL) == 1);
}
