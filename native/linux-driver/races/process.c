#include "process.h"
#include <sys/mman.h>
#undef MAP_TYPE

struct add_pages {
	u64 source, offset, length, secinfo, flags, count;
};
struct change_types {
	u64 offset, length, type, result, count;
};
struct remove_pages {
	u64 offset, length, count;
};
#define CREATE _IOW(0xa4, 0, u64)
#define ADD_PAGES _IOWR(0xa4, 1, struct add_pages)
#define INIT _IOW(0xa4, 2, u64)
#define MODIFY_TYPES _IOWR(0xa4, 6, struct change_types)
#define REMOVE_PAGES _IOWR(0xa4, 7, struct remove_pages)
#define SOURCE_PAGES 16

int process_build(struct process *process, int pages)
{
	static u64 secs[512] __aligned(4096), secinfo[8] __aligned(64), sigstruct[226];
	static u8 source[SOURCE_PAGES * 4096] __aligned(4096);
	u64 create = (u64)secs, init = (u64)sigstruct;
	struct add_pages add = { (u64)source, 0, (u64)pages * PAGE_SIZE, (u64)secinfo, 0, 0 };
	int error;

	secs[0] = ENCLAVE_PAGES * PAGE_SIZE;
	secs[1] = ENCLAVE_BASE;
	secs[2] = 1; /* SSAFRAMESIZE */
	secs[6] = 6; /* MODE64BIT and DEBUG */
	secs[7] = 3;
	secinfo[0] = 0x203; /* REG, R and W */
	process->mm = linux_mm_new(0);
	linux_run_as(process->mm, 0);
	process->file = linux_open("sgx_enclave", &error);
	if (!error)
		error = linux_mmap(process->mm, NULL, (u64)source, (u64)source + sizeof(source), VM_READ | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC, 0, MAP_PRIVATE);
	if (!error)
		error = (int)linux_ioctl(process->file, CREATE, (unsigned long)&create);
	if (!error && pages)
		error = (int)linux_ioctl(process->file, ADD_PAGES, (unsigned long)&add);
	if (!error)
		error = linux_mmap(process->mm, process->file, ENCLAVE_BASE, ENCLAVE_BASE + ENCLAVE_PAGES * PAGE_SIZE,
				   VM_READ | VM_WRITE | VM_SHARED | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC, 0, MAP_SHARED);
	if (!error)
		error = (int)linux_ioctl(process->file, INIT, (unsigned long)&init);
	return error;
}

struct process process_fork(struct process *parent)
{
	struct process child = { linux_fork(parent->mm, 0), parent->file };

	child.file->references++;
	return child;
}

void process_exit(struct process *process)
{
	if (process->mm)
		linux_mm_exit(process->mm);
	if (process->file)
		linux_close(process->file);
	process->mm = NULL;
	process->file = NULL;
}

long process_change_type(struct process *process, u64 address, int type)
{
	struct change_types change = { address - ENCLAVE_BASE, PAGE_SIZE, (u64)type, 0, 0 };

	return linux_ioctl(process->file, MODIFY_TYPES, (unsigned long)&change);
}

long process_remove(struct process *process, u64 address)
{
	struct remove_pages remove = { address - ENCLAVE_BASE, PAGE_SIZE, 0 };

	return linux_ioctl(process->file, REMOVE_PAGES, (unsigned long)&remove);
}

void process_trim(struct process *process, u64 address)
{
	epc_accept(process->mm, address, 2);
	process_change_type(process, address, 4);
	epc_accept(process->mm, address, 4);
}
