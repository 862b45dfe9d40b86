/*
 * The certificate service certifies the key that the platform's PCE derives.
 *
 * A PCE is an enclave with PROVISIONKEY. Its signing key comes of EGETKEY's
 * provisioning key alone, and so of its signer, its product number, attributes
 * and versions; the PPID comes of the provisioning key of the oldest versions.
 * An enclave of a signer of its own asks here as a PCE does. With its SIGSTRUCT
 * as the platform's PCE its key and its PPID are those in the certificate that
 * the service has for its versions, and as long as Intel's is the PCE they are
 * not.
 * Source: intel/linux-sgx, psw/ae/pce/pce_helper.cpp (its requests; the key is
 * made of 320 bits, as FIPS 186-4, B.4.1, has it); DCAP,
 * QuoteGeneration/qcnl/certification_service.cpp.
 *
 * certifying_enclave.run runs it: KEY, a PEM file of the signer's that is made
 * when it is not there, and `sigstruct FILE` to write the SIGSTRUCT, or whose
 * the certificate is to be: `own` or `other`.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "keys.h"
#include "sign.h"

#define ISVSVN 5
#define POINT 65

static struct service service;

static void provisioning_key(const uint8_t cpusvn[16], uint16_t isv_svn, uint8_t key[16])
{
	struct keyrequest request = {
		.key_name = KEY_PROVISION,
		.isv_svn = isv_svn,
		.attribute_mask = ~4ul,
		.miscmask = ~0u,
	};

	memcpy(request.cpusvn, cpusvn, 16);
	check_equal("EGETKEY of the provisioning key", SGX_SUCCESS, service_get_key(&service, &request, key));
}

/* The public key, 04 X Y. */
static void certified_point(const uint8_t key[16], uint8_t point[POINT])
{
	uint8_t block[16] = "\0PAK_KEY_DER", bits[48];
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	BN_CTX *context = BN_CTX_new();
	BIGNUM *number, *order = BN_dup(EC_GROUP_get0_order(group));
	EC_POINT *public = EC_POINT_new(group);

	block[14] = 0x01;
	block[15] = 0x40;
	for (uint8_t i = 0; i < 3; i++) {
		block[0] = (uint8_t)(i + 1);
		cmac(key, block, sizeof block, bits + 16 * i);
	}
	number = BN_bin2bn(bits, 40, NULL);
	check("the private key can be computed", BN_sub_word(order, 1) && BN_mod(number, number, order, context) && BN_add_word(number, 1));
	check("the public key can be computed", EC_POINT_mul(group, public, number, NULL, NULL, context) == 1);
	check("a point", EC_POINT_point2oct(group, public, POINT_CONVERSION_UNCOMPRESSED, point, POINT, context) == POINT);
	EC_POINT_free(public);
	BN_free(number);
	BN_free(order);
	BN_CTX_free(context);
	EC_GROUP_free(group);
}

/* From the service that the collateral client's configuration names, in DER. */
static size_t certificate(const uint8_t cpusvn[16], unsigned pcesvn, unsigned char **der)
{
	static char text[1 << 15];
	char line[512], digits[33] = "", *at;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	FILE *file = fopen("/etc/sgx_default_qcnl.conf", "r");
	size_t length = 0;
	ssize_t now;
	int s = socket(AF_INET, SOCK_STREAM, 0), bytes;
	X509 *read_certificate;
	BIO *memory;

	check("the collateral client's configuration is there", file != NULL);
	while (fgets(line, sizeof line, file) != NULL)
		if ((at = strstr(line, "127.0.0.1:")) != NULL)
			address.sin_port = htons((uint16_t)atoi(at + 10));
	fclose(file);
	check_errno("connect to the certificate service", 0, connect(s, (struct sockaddr *)&address, sizeof address));
	for (unsigned i = 0; i < 16; i++)
		sprintf(digits + 2 * i, "%02x", cpusvn[i]);
	snprintf(line, sizeof line,
		 "GET /sgx/certification/v4/pckcert?qeid=00&encrypted_ppid=00&cpusvn=%s&pcesvn=%02x%02x&pceid=0000 HTTP/1.1\r\nHost: localhost\r\n\r\n",
		 digits, pcesvn & 0xff, pcesvn >> 8);
	if (write(s, line, strlen(line)) < 0)
		die("write to the certificate service");
	while (length < sizeof text - 1 && (now = read(s, text + length, sizeof text - 1 - length)) > 0)
		length += (size_t)now;
	close(s);
	at = strstr(text, "-----BEGIN CERTIFICATE-----");
	check("a certificate for these versions", at != NULL);
	memory = BIO_new_mem_buf(at, -1);
	read_certificate = PEM_read_bio_X509(memory, NULL, NULL, NULL);
	check("the certificate can be read", read_certificate != NULL);
	bytes = i2d_X509(read_certificate, der);
	check("it has an encoding", bytes > 0);
	X509_free(read_certificate);
	BIO_free(memory);
	return (size_t)bytes;
}

int main(int argc, char **argv)
{
	struct service_options options = {
		.enclave = { .attributes = ATTRIBUTE_PROVISIONKEY, .isv_svn = ISVSVN },
		.data_pages = 2,
	};
	struct sgx_enclave_init init;
	struct sgx_enclave_provision provision;
	struct targetinfo nobody = { 0 };
	struct report report;
	uint8_t zero[64] = { 0 }, key[16], ppid[16], point[POINT];
	unsigned char *der = NULL;
	size_t length;
	bool own;

	check("arguments", argc == 3 || argc == 4);
	sigstruct_use_key(argv[1]);
	vdso_find();
	service_add(&service, &options);
	enclave_sign(&service.enclave);
	if (argc == 4) {
		FILE *file = fopen(argv[3], "wb");

		if (file == NULL || fwrite(&service.enclave.sigstruct, sizeof service.enclave.sigstruct, 1, file) != 1 || fclose(file) != 0)
			die("write the SIGSTRUCT");
		return 0;
	}

	provision.fd = (uint64_t)open("/dev/sgx_provision", O_RDONLY);
	check_errno("PROVISION", 0, ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_PROVISION, &provision));
	init.sigstruct = (uint64_t)&service.enclave.sigstruct;
	check_errno("INIT", 0, ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_INIT, &init));
	service_map(&service);
	service_report(&service, &nobody, zero, &report);

	own = strcmp(argv[2], "own") == 0;
	provisioning_key(zero, 0, key);
	cmac(key, zero, 16, ppid);
	provisioning_key(report.cpusvn, ISVSVN, key);
	certified_point(key, point);
	length = certificate(report.cpusvn, own ? ISVSVN : 0xffff, &der);
	check_equal("the certificate is of the enclave's key", own, memmem(der, length, point, sizeof point) != NULL);
	check_equal("the certificate has the enclave's PPID", own, memmem(der, length, ppid, sizeof ppid) != NULL);
	return 0;
}
