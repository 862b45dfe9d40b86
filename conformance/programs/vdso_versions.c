/*
 * The vDSO says of which version its functions are: DT_VERSYM and DT_VERDEF, and
 * LINUX_2.6 for each of them. Go's runtime reads DT_VERDEF unasked; a dynamic
 * linker finds the functions by name and version, and not by another version.
 *
 * Kernel: arch/x86/entry/vdso/vdso.lds.S, VERSION. Format: Linux Standard Base,
 * "Symbol Versioning".
 */
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "check.h"

int main(void)
{
	const char *base = (const char *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *header = (const void *)base;
	const Elf64_Phdr *segments = (const void *)(base + header->e_phoff);
	const Elf64_Dyn *dynamic = NULL;
	uint64_t values[2] = { 0, 0 }, count = 0;
	void *handle;

	check("there is a vDSO", base != NULL);
	for (int i = 0; i < header->e_phnum; i++)
		if (segments[i].p_type == PT_DYNAMIC)
			dynamic = (const void *)(base + segments[i].p_offset);
	check("it has a dynamic section", dynamic != NULL);
	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		if (dynamic->d_tag == DT_VERSYM)
			values[0] = dynamic->d_un.d_val;
		if (dynamic->d_tag == DT_VERDEF)
			values[1] = dynamic->d_un.d_val;
		if (dynamic->d_tag == DT_VERDEFNUM)
			count = dynamic->d_un.d_val;
	}
	check("it has DT_VERSYM", values[0] != 0);
	check("it has DT_VERDEF", values[1] != 0);
	check_equal("DT_VERDEFNUM", 2, count);

	handle = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
	check("the dynamic linker knows it", handle != NULL);
	for (int i = 0; i < 2; i++) {
		const char *name = i == 0 ? "__vdso_clock_gettime" : "__vdso_sgx_enter_enclave";

		check(name, dlsym(handle, name) != NULL);
		check("the same by its version", dlvsym(handle, name, "LINUX_2.6") == dlsym(handle, name));
		check("nothing by another version", dlvsym(handle, name, "LINUX_9.9") == NULL);
	}
	return 0;
}
