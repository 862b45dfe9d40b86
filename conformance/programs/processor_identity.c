/*
 * CPUID tells one processor: its leaves agree with each other, with
 * /proc/cpuinfo, with XGETBV, and with what an enclave may have.
 *
 * Run: --epc 8M
 * Run: --cpu host
 * Run: --cpu icelake-server -- GenuineIntel 106
 * Run: --cpu sapphire-rapids -- GenuineIntel 143
 * Run: --cpu coffee-lake -- GenuineIntel 158
 * Run: --cpu gemini-lake -- GenuineIntel 122
 *
 * Hardware: a processor with SGX says so in leaf 7, and in leaf 12H what an
 * enclave may have; XFRM is within XCR0 there. A feature whose registers are an
 * XSAVE component is there only with the component, which lies where leaf 0DH
 * tells, in the area that XCR0's components take. Leaf 4 ends with a cache of
 * type 0, leaf 0BH with a level of type 0. A leaf beyond the highest gives what
 * the highest basic one gives.
 * Kernel: /proc/cpuinfo shows vendor, family, model, stepping, brand and flags
 * as CPUID has them.
 * Source: SDM 2A, CPUID; SDM 1, "Enumeration of CPU support for XSAVE"; SDM 3D,
 * "Intel SGX Resource Enumeration Leaves"; Linux arch/x86/kernel/cpu/proc.c.
 */
#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "service.h"

struct registers {
	uint32_t a, b, c, d;
};

static struct registers cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct registers r;

	__cpuid_count(leaf, subleaf, r.a, r.b, r.c, r.d);
	return r;
}

static uint64_t xcr0(void)
{
	uint32_t low, high;

	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low | (uint64_t)high << 32;
}

static char line_of[8192];

/* The value of a key of the first processor in /proc/cpuinfo, with a blank before and behind. */
static const char *cpuinfo(const char *key)
{
	static char line[8192];
	FILE *file = fopen("/proc/cpuinfo", "r");

	if (file == NULL)
		die("open /proc/cpuinfo");
	line_of[0] = '\0';
	while (fgets(line, sizeof line, file) != NULL) {
		size_t length = strlen(key);

		if (strncmp(line, key, length) == 0 && strspn(line + length, "\t ") > 0 &&
		    line[length + strspn(line + length, "\t ")] == ':') {
			line[strcspn(line, "\n")] = '\0';
			snprintf(line_of, sizeof line_of, "%s ", strchr(line, ':') + 1);
			break;
		}
	}
	fclose(file);
	return line_of;
}

static void check_flag(const char *flag, bool in_cpuid)
{
	char word[64];

	snprintf(word, sizeof word, " %s ", flag);
	check(flag, (strstr(cpuinfo("flags"), word) != NULL) == in_cpuid);
}

static void check_identity(int argc, char **argv)
{
	struct registers leaf0 = cpuid(0, 0), leaf1 = cpuid(1, 0), part;
	uint32_t family = leaf1.a >> 8 & 15, model = leaf1.a >> 4 & 15;
	char vendor[13] = "", brand[49] = "", text[64];
	const char *shown;

	if (family == 6 || family == 15)
		model |= leaf1.a >> 12 & 0xf0;
	if (family == 15)
		family += leaf1.a >> 20 & 0xff;
	memcpy(vendor, &leaf0.b, 4);
	memcpy(vendor + 4, &leaf0.d, 4);
	memcpy(vendor + 8, &leaf0.c, 4);
	for (uint32_t i = 0; i < 3; i++) {
		part = cpuid(0x80000002 + i, 0);
		memcpy(brand + 16 * i, &part, 16);
	}
	if (argc == 3) {
		check("the vendor that was asked for", strcmp(argv[1], vendor) == 0);
		check_equal("the model that was asked for", (uint64_t)atoi(argv[2]), model);
	}
	snprintf(text, sizeof text, " %s ", vendor);
	check("vendor_id", strcmp(cpuinfo("vendor_id"), text) == 0);
	check_equal("cpu family", family, (uint64_t)atoi(cpuinfo("cpu family")));
	check_equal("model", model, (uint64_t)atoi(cpuinfo("model")));
	check_equal("stepping", leaf1.a & 15, (uint64_t)atoi(cpuinfo("stepping")));
	check_equal("cpuid level", leaf0.a, (uint64_t)atoi(cpuinfo("cpuid level")));
	shown = cpuinfo("model name");
	/* The kernel leaves blanks out at both ends. */
	check("model name", strncmp(shown + 1, brand + strspn(brand, " "), strlen(shown) - 2) == 0);
	part = cpuid(0x80000001, 0);
	check("long mode", part.d >> 29 & 1);
	check_flag("sgx", true);
	check_flag("avx", leaf1.c >> 28 & 1);
	check_flag("aes", leaf1.c >> 25 & 1);
	check_flag("avx2", cpuid(7, 0).b >> 5 & 1);
	check_flag("avx512f", cpuid(7, 0).b >> 16 & 1);
	check_flag("sha_ni", cpuid(7, 0).b >> 29 & 1);
	check_flag("pku", cpuid(7, 0).c >> 3 & 1);
	check_flag("gfni", cpuid(7, 0).c >> 8 & 1);
	check_flag("amx_tile", cpuid(7, 0).d >> 24 & 1);
	check_flag("avx512_bf16", cpuid(7, 0).a >= 1 && (cpuid(7, 1).a >> 5 & 1));
}

/* Where Intel keeps AVX, AVX-512 and PKRU. */
static void check_components(uint64_t enabled, uint64_t enclaves)
{
	static const struct {
		uint32_t component, offset, size;
	} intel[] = { { 2, 576, 256 }, { 5, 1088, 64 }, { 6, 1152, 512 }, { 7, 1664, 1024 }, { 9, 2688, 8 } };
	struct registers area = cpuid(13, 0), part;
	bool is_intel = cpuid(0, 0).b == 0x756e6547;

	check("XCR0 is within leaf 0DH", (enabled & ~(area.a | (uint64_t)area.d << 32)) == 0);
	for (uint32_t i = 2; i < 63; i++) {
		part = cpuid(13, i);
		if (enabled >> i & 1)
			check("the area has room for what XSAVE writes", part.a > 0 && part.b + part.a <= area.b);
	}
	for (size_t i = 0; i < sizeof intel / sizeof *intel; i++) {
		if (!is_intel || !(enclaves >> intel[i].component & 1))
			continue;
		part = cpuid(13, intel[i].component);
		check_equal("offset", intel[i].offset, part.b);
		check_equal("size", intel[i].size, part.a);
	}
}

int main(int argc, char **argv)
{
	struct service_options options = { .threads = 1 };
	static struct service service;
	struct registers part, sgx = cpuid(0x12, 0), attributes = cpuid(0x12, 1), epc = cpuid(0x12, 2);
	uint64_t xfrm = attributes.c | (uint64_t)attributes.d << 32;
	uint32_t levels = 0, caches = 0;

	check_identity(argc, argv);
	check("SGX and launch control", (cpuid(7, 0).b >> 2 & 1) && (cpuid(7, 0).c >> 30 & 1));
	check("SGX1", sgx.a & 1);
	check("MODE64BIT and DEBUG may be set", (attributes.a & 6) == 6);
	check("XFRM is within XCR0", (xfrm & ~xcr0()) == 0 && (xfrm & 3) == 3);
	check_equal("XFRM has AVX when leaf 1 has", cpuid(1, 0).c >> 28 & 1, xfrm >> 2 & 1);
	check_equal("XFRM has AVX-512 when leaf 7 has", (cpuid(7, 0).b >> 16 & 1) * 7, xfrm >> 5 & 7);
	check("an EPC section", (epc.a & 0xf) == 1 && (epc.c & 0xf) == 1 && ((epc.c & ~0xfffu) | epc.d) != 0);
	check_equal("the section behind the last", 0, cpuid(0x12, 3).a);
	check_components(xcr0(), xfrm);
	if (cpuid(0, 0).b == 0x756e6547) {
		while (caches < 16 && cpuid(4, caches).a & 0x1f)
			caches++;
		while (levels < 16 && cpuid(0xb, levels).c >> 8 & 0xff)
			levels++;
		check("leaves 4 and 0BH end", caches > 0 && caches < 16 && levels < 16);
		part = cpuid(0x8000ffff, 0);
		check_equal("EAX beyond the last leaf", cpuid(cpuid(0, 0).a, 0).a, part.a);
	}

	/* An enclave may have all of it. */
	options.enclave.xfrm = xfrm;
	service_build(&service, &options);
	return 0;
}
