/*
 * A name that functions of the host and of two enclaves have (same_name.run, by
 * the option --interrupt-at): each of the enclaves' is meant, where its own file
 * says that it begins, and none of the host's. The files are alike but for that.
 *
 * Hardware: an interrupt inside is an asynchronous exit, one outside is nothing
 * of an enclave's.
 * Source: SDM 3D, "Asynchronous Enclave Exits (AEX)".
 *
 * same_name FIRST SECOND   prints of each library's enclave its base and where
 *                          in it "work" begins, and visits them in turn
 */
#include <dlfcn.h>
#include <stdio.h>
#include <sys/mman.h>

#include "check.h"
#include "service.h"

#define VISITS 3

/* As the enclaves' function is called. */
__attribute__((noinline)) uint64_t work(uint64_t value)
{
	__asm__ volatile("" : "+r"(value));
	return 3 * value;
}

static void build(struct enclave *enclave, const char *library)
{
	void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	const char *code = handle == NULL ? NULL : dlsym(handle, "enter");

	if (code == NULL)
		die(library);
	enclave_create(enclave, 1ul << 20, NULL);
	enclave_add(enclave, 0, code, PAGE, SECINFO_REG | SECINFO_R | SECINFO_X);
	enclave_add_thread(enclave, PAGE, 0);
	enclave_init(enclave);
	enclave_map(enclave, 0, PAGE, PROT_READ | PROT_EXEC);
	enclave_map(enclave, PAGE, THREAD_PAGES * PAGE, PROT_READ | PROT_WRITE);
	printf("0x%lx 0x%lx\n", (unsigned long)enclave->base, (unsigned long)((const char *)dlsym(handle, "work") - code));
}

int main(int argc, char **argv)
{
	static struct enclave enclaves[2];

	if (argc != 3)
		die("same_name FIRST SECOND");
	vdso_find();
	for (int i = 0; i < 2; i++)
		build(&enclaves[i], argv[1 + i]);
	for (uint64_t visit = 1; visit <= VISITS; visit++) {
		check_equal("the host's", 3 * visit, work(visit));
		for (int i = 0; i < 2; i++) {
			struct sgx_enclave_run run = { .tcs = enclaves[i].base + PAGE };

			check_equal("vDSO", 0, (uint64_t)vdso_enter(visit, 0, 0, EENTER, 0, 0, &run));
			check_equal("left by", EEXIT, run.function);
		}
	}
	return 0;
}
