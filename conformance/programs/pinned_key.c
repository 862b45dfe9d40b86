/*
 * A verifier that has the key of a root in itself, as libsgx_dcap_quoteverify
 * and others do: as its two coordinates, and as PEM text. It says what it finds
 * there when it runs: in itself, in a library that it is linked with or loads
 * later, in a file that it reads, and in one that it maps but does not execute.
 * Source of the key: certificates.trustedservices.intel.com,
 * Intel_SGX_Provisioning_Certification_RootCA; where it is pinned: DCAP,
 * QuoteVerification/QvE/Enclave/qve.cpp; openenclave, common/sgx/quote.c.
 *
 * pinned_key.run runs it: LIBRARY (itself, as a shared library), which it loads.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_LENGTH 64

/* In .rodata and in .data, and not at a round address. */
__attribute__((used, visibility("default"))) const volatile unsigned char pinned[1 + KEY_LENGTH] = {
	0x04, 0x0b, 0xa9, 0xc4, 0xc0, 0xc0, 0xc8, 0x61, 0x93, 0xa3, 0xfe, 0x23, 0xd6, 0xb0, 0x2c, 0xda, 0x10, 0xa8, 0xbb, 0xd4, 0xe8, 0x8e,
	0x48, 0xb4, 0x45, 0x85, 0x61, 0xa3, 0x6e, 0x70, 0x55, 0x25, 0xf5, 0x67, 0x91, 0x8e, 0x2e, 0xdc, 0x88, 0xe4, 0x0d, 0x86, 0x0b, 0xd0,
	0xcc, 0x4e, 0xe2, 0x6a, 0xac, 0xc9, 0x88, 0xe5, 0x05, 0xa9, 0x53, 0x55, 0x8c, 0x45, 0x3f, 0x6b, 0x09, 0x04, 0xae, 0x73, 0x94,
};
__attribute__((used, visibility("default"))) char pem[] = "-----BEGIN PUBLIC KEY-----\n"
							  "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEC6nEwMDIYZOj/iPWsCzaEKi71OiO\n"
							  "SLRFhWGjbnBVJfVnkY4u3IjkDYYL0MxO4mqsyYjlBalTVYxFP2sJBK5zlA==\n"
							  "-----END PUBLIC KEY-----\n";

static void print_key(const char *what, const volatile unsigned char *key)
{
	printf("%s ", what);
	for (unsigned i = 0; i < KEY_LENGTH; i++)
		printf("%02x", key[i]);
	printf("\n");
}

/* What is looked for must not be found here. */
static const unsigned char *find(const unsigned char *bytes, size_t length)
{
	static const volatile unsigned char inverted[] = { 0xfb, 0xf4, 0x56, 0x3b, 0x3f, 0x3f, 0x37, 0x9e };
	unsigned char prefix[sizeof inverted];
	const unsigned char *found;

	for (unsigned i = 0; i < sizeof prefix; i++)
		prefix[i] = (unsigned char)~inverted[i];
	found = memmem(bytes, length, prefix, sizeof prefix);
	return found == NULL ? NULL : found + 1;
}

static void print_file(const char *path)
{
	int file = open(path, O_RDONLY);
	struct stat status;
	unsigned char *bytes, *mapped;
	const unsigned char *key;

	if (file < 0 || fstat(file, &status) != 0)
		exit(2);
	bytes = malloc((size_t)status.st_size);
	if (bytes == NULL || read(file, bytes, (size_t)status.st_size) != status.st_size)
		exit(2);
	mapped = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	key = find(bytes, (size_t)status.st_size);
	if (mapped == MAP_FAILED || key == NULL)
		exit(2);
	print_key("read", key);
	key = find(mapped, (size_t)status.st_size);
	if (key != NULL)
		print_key("mapped", key);
	munmap(mapped, (size_t)status.st_size);
	close(file);
}

int main(int argc, char **argv)
{
	void *library;

	if (argc < 2)
		return 2;
	print_file(argv[1]);
	print_key("own", pinned + 1);
	printf("%s", pem);
	library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (library == NULL)
		return 2;
	print_key("loaded", (const unsigned char *)dlsym(library, "pinned") + 1);
	return 0;
}
