/*
 * The vDSO's function looked up by its section headers instead of its dynamic
 * section.
 *
 * Linux: the vDSO is a whole ELF file in memory, with section headers; .dynsym
 * and .dynstr are those that DT_SYMTAB and DT_STRTAB name. The headers are the
 * last of the file, so that their end is the file's size, which programs take it
 * for (bfd/elfcode.h, elf_object_from_remote_memory; Open Enclave, host/sgx/elf.c).
 * Source: arch/x86/entry/vdso/vdso2c.h, which keeps the section headers that
 * the linker made; System V ABI, "Sections" and "String Table".
 */
#include <elf.h>
#include <string.h>
#include <sys/auxv.h>

#include "check.h"

int main(void)
{
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
	const Elf64_Shdr *sections = (const Elf64_Shdr *)(image + header->e_shoff), *symbols = NULL;
	const char *names, *strings = NULL;
	const Elf64_Dyn *dynamic = NULL;
	uint64_t found = 0, end = header->e_shoff + (uint64_t)header->e_shnum * header->e_shentsize;

	check("there are section headers", header->e_shoff != 0 && header->e_shnum > 0);
	check("the names' section is one of them", header->e_shstrndx < header->e_shnum);
	names = image + sections[header->e_shstrndx].sh_offset;
	for (int i = 0; i < header->e_shnum; i++) {
		const char *section = image + sections[i].sh_offset;

		if (sections[i].sh_type != SHT_NOBITS)
			check("the section lies before the end of the section headers", sections[i].sh_offset + sections[i].sh_size <= end);
		if (sections[i].sh_type == SHT_STRTAB) {
			check("the strings begin with an empty one", section[0] == 0);
			check("the last string ends", section[sections[i].sh_size - 1] == 0);
		}
		if (strcmp(names + sections[i].sh_name, ".dynsym") == 0)
			symbols = &sections[i];
		if (strcmp(names + sections[i].sh_name, ".dynstr") == 0)
			strings = image + sections[i].sh_offset;
		if (strcmp(names + sections[i].sh_name, ".dynamic") == 0)
			dynamic = (const Elf64_Dyn *)(image + sections[i].sh_offset);
	}
	check("there is .dynsym", symbols != NULL);
	check("there is .dynstr", strings != NULL);
	check("there is .dynamic", dynamic != NULL);
	check_equal("size of a symbol", sizeof(Elf64_Sym), symbols->sh_entsize);
	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		if (dynamic->d_tag == DT_SYMTAB)
			check_equal("DT_SYMTAB", symbols->sh_addr, dynamic->d_un.d_ptr);
		if (dynamic->d_tag == DT_STRTAB)
			check_equal("DT_STRTAB", (uint64_t)(strings - image), dynamic->d_un.d_ptr);
	}
	for (uint64_t i = 0; i < symbols->sh_size / sizeof(Elf64_Sym); i++) {
		const Elf64_Sym *symbol = (const Elf64_Sym *)(image + symbols->sh_offset) + i;

		if (strcmp(strings + symbol->st_name, "__vdso_sgx_enter_enclave") == 0)
			found = symbol->st_value;
	}
	check("__vdso_sgx_enter_enclave has an address", found != 0);
	return 0;
}
