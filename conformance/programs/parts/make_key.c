/*
 * Prints an RSA key of 3072 bits with exponent 3 as C: the programs' default signer, new with each build. Making one takes up to seconds,
 * and most programs sign.
 */
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>

int main(void)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	BIGNUM *three = BN_new();
	EVP_PKEY *key = NULL;
	unsigned char *bytes = NULL;
	int length;

	if (context == NULL || three == NULL || BN_set_word(three, 3) != 1 || EVP_PKEY_keygen_init(context) != 1 ||
	    EVP_PKEY_CTX_set_rsa_keygen_bits(context, 3072) != 1 || EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, three) != 1 ||
	    EVP_PKEY_generate(context, &key) != 1 || (length = i2d_PrivateKey(key, &bytes)) <= 0)
		return 1;
	printf("const unsigned char default_key[] = {");
	for (int i = 0; i < length; i++)
		printf("%s%d,", i % 16 == 0 ? "\n\t" : " ", bytes[i]);
	printf("\n};\nconst unsigned default_key_length = %d;\n", length);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
