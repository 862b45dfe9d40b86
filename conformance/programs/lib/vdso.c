#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "check.h"
#include "enter.h"

void *vdso_function __attribute__((visibility("hidden")));
uint64_t vdso_base, vdso_length;

static const void *table(const Elf64_Dyn *dynamic, Elf64_Sxword tag)
{
	for (; dynamic->d_tag != DT_NULL; dynamic++)
		if (dynamic->d_tag == tag)
			return (const void *)(vdso_base + dynamic->d_un.d_ptr);
	return NULL;
}

void vdso_find(void)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Phdr *segments;
	const Elf64_Dyn *dynamic = NULL;
	const Elf64_Sym *symbols;
	const Elf64_Word *hash;
	const char *names;

	check("the process has a vDSO", header != NULL);
	vdso_base = (uint64_t)header;
	segments = (const Elf64_Phdr *)(vdso_base + header->e_phoff);
	for (int i = 0; i < header->e_phnum; i++) {
		if (segments[i].p_type == PT_DYNAMIC)
			dynamic = (const Elf64_Dyn *)(vdso_base + segments[i].p_offset);
		if (segments[i].p_type == PT_LOAD && segments[i].p_vaddr + segments[i].p_memsz > vdso_length)
			vdso_length = segments[i].p_vaddr + segments[i].p_memsz;
	}
	check("the vDSO has a dynamic segment", dynamic != NULL);
	symbols = table(dynamic, DT_SYMTAB);
	names = table(dynamic, DT_STRTAB);
	hash = table(dynamic, DT_HASH);
	check("the vDSO has DT_SYMTAB, DT_STRTAB and DT_HASH", symbols && names && hash);
	/* The second word of DT_HASH is the number of symbols. */
	for (Elf64_Word i = 0; i < hash[1]; i++)
		if (strcmp(names + symbols[i].st_name, "__vdso_sgx_enter_enclave") == 0)
			vdso_function = (void *)(vdso_base + symbols[i].st_value);
	check("the vDSO has __vdso_sgx_enter_enclave", vdso_function != NULL);
}
