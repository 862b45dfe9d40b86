/*
 * CPUID says that the machine has SGX, wherever it is executed: in the program,
 * in a library loaded later, in code that the program writes itself.
 *
 * Run: --attach=begin --epc 32M -- 32 2
 * Run: --attach=begin --epc 8M --no-sgx2 -- 8 1
 *
 * Hardware: leaf 7 EBX bit 2 is SGX and ECX bit 30 launch control; leaf 0x12
 * subleaf 0 has the leaf functions (EAX bit 0 SGX1, bit 1 SGX2), MISCSELECT
 * (EBX) and the largest ELRANGE (EDX), subleaf 1 the allowed ATTRIBUTES, and
 * the subleaves from 2 on the EPC's sections until one of type 0.
 * Source: SDM 2A, CPUID; SDM 3D, "Discovering Support for Intel SGX".
 */
#include <cpuid.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "architecture.h"
#include "check.h"

typedef void cpuid_function(uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

static void inline_cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
	__cpuid_count(leaf, subleaf, out[0], out[1], out[2], out[3]);
}

/* push rbx; mov eax, edi; mov ecx, esi; mov r8, rdx; cpuid; store; pop rbx; ret */
static const uint8_t written[] = {
	0x53, 0x89, 0xf8, 0x89, 0xf1, 0x49, 0x89, 0xd0, 0x0f, 0xa2, 0x41, 0x89, 0x00, 0x41, 0x89,
	0x58, 0x04, 0x41, 0x89, 0x48, 0x08, 0x41, 0x89, 0x50, 0x0c, 0x5b, 0xc3,
};

static cpuid_function *write_code(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		die("map a page for code");
	memcpy(page, written, sizeof written);
	if (mprotect(page, PAGE, PROT_READ | PROT_EXEC) != 0)
		die("make it executable");
	return (cpuid_function *)page;
}

static cpuid_function *load(const char *program)
{
	char path[4096];
	const char *slash = strrchr(program, '/');
	void *library;
	cpuid_function *function;

	snprintf(path, sizeof path, "%.*s/late_cpuid.so", slash ? (int)(slash - program) : 1,
		 slash ? program : ".");
	library = dlopen(path, RTLD_NOW);
	if (library == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	function = (cpuid_function *)dlsym(library, "late_cpuid");
	check("the library has late_cpuid", function != NULL);
	return function;
}

static void expect_sgx(cpuid_function *cpuid, uint64_t epc_megabytes, bool sgx2)
{
	uint32_t out[4];
	uint64_t epc = 0;

	cpuid(0, 0, out);
	check("CPUID offers leaf 0x12", out[0] >= 0x12);
	cpuid(7, 0, out);
	check("leaf 7 EBX bit 2, SGX", out[1] >> 2 & 1);
	check("leaf 7 ECX bit 30, SGX_LC", out[2] >> 30 & 1);
	cpuid(0x12, 0, out);
	check("leaf 0x12 EAX bit 0, SGX1", out[0] & 1);
	check_equal("leaf 0x12 EAX bit 1, SGX2", sgx2, out[0] >> 1 & 1);
	check("leaf 0x12 EBX bit 0, EXINFO", !sgx2 || (out[1] & 1));
	check("leaf 0x12 EDX bits 15:8, log2 of the largest ELRANGE", (out[3] >> 8 & 0xff) >= 31);
	cpuid(0x12, 1, out);
	check_equal("leaf 0x12.1 EAX: DEBUG, MODE64BIT, PROVISIONKEY",
		    ATTRIBUTE_DEBUG | ATTRIBUTE_MODE64BIT | ATTRIBUTE_PROVISIONKEY,
		    out[0] & (ATTRIBUTE_DEBUG | ATTRIBUTE_MODE64BIT | ATTRIBUTE_PROVISIONKEY));
	check_equal("leaf 0x12.1 ECX: x87 and SSE", XFRM_LEGACY, out[2] & XFRM_LEGACY);
	for (uint32_t i = 2; i < 10; i++) {
		cpuid(0x12, i, out);
		if ((out[0] & 0xf) == 0)
			break;
		check_equal("type of an EPC section", 1, out[0] & 0xf);
		epc += (out[2] & 0xfffff000ul) | (uint64_t)(out[3] & 0xfffff) << 32;
	}
	check_equal("size of the EPC", epc_megabytes << 20, epc);
}

int main(int argc, char **argv)
{
	check("called with the EPC's size in MiB and 1 or 2", argc == 3);
	uint64_t megabytes = strtoul(argv[1], NULL, 10);
	bool sgx2 = argv[2][0] == '2';

	expect_sgx(inline_cpuid, megabytes, sgx2);
	expect_sgx(load(argv[0]), megabytes, sgx2);
	expect_sgx(write_code(), megabytes, sgx2);
	return 0;
}
