/*
 * A static program without libc: its system calls, its CPUID and its ENCLU are
 * its own. Reads a SIGSTRUCT from standard input, builds the enclave, enters it.
 * Exit status 0, or the number of the step that failed.
 */
#include <asm/sgx.h>
#include <asm/unistd.h>
#include <stdint.h>

#include "static_enclave.h"

#define RDWR 2
#define PROT_R 1
#define PROT_W 2
#define PROT_X 4
#define SHARED 1
#define PRIVATE 2
#define FIXED 0x10
#define ANONYMOUS 0x20

void _start(void);

static long system_call(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "+a"(number)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return number;
}

static void leave(long status)
{
	system_call(__NR_exit_group, status, 0, 0, 0, 0, 0);
	__builtin_unreachable();
}

static void need(long step, int condition)
{
	char line[] = "static_enclave: step 00 failed\n";

	if (condition)
		return;
	line[21] = (char)('0' + step / 10);
	line[22] = (char)('0' + step % 10);
	system_call(__NR_write, 2, (long)line, sizeof line - 1, 0, 0, 0);
	leave(step);
}

static long map(uint64_t address, uint64_t length, long protection, long flags, long fd)
{
	return system_call(__NR_mmap, (long)address, (long)length, protection, flags, fd, 0);
}

static long add(long fd, uint64_t offset, const void *source, uint64_t flags)
{
	struct secinfo secinfo = { .flags = flags };
	struct sgx_enclave_add_pages argument = {
		.src = (uint64_t)source,
		.offset = offset,
		.length = PAGE,
		.secinfo = (uint64_t)&secinfo,
		.flags = SGX_PAGE_MEASURE,
	};

	return system_call(__NR_ioctl, fd, SGX_IOC_ENCLAVE_ADD_PAGES, (long)&argument, 0, 0, 0);
}

/* EENTER and back; an asynchronous exit resumes. */
static uint64_t enter(uint64_t tcs, uint64_t value)
{
	uint64_t result, rax = EENTER, rdi = value;

	__asm__ volatile("lea	1f(%%rip), %%rcx\n"
			 "jmp	2f\n"
			 "1:	enclu\n"
			 "2:	enclu\n"
			 : "+a"(rax), "+b"(tcs), "+D"(rdi), "=S"(result)
			 :
			 : "rcx", "rdx", "r8", "r9", "r10", "r11", "memory");
	return result;
}

static struct sigstruct sigstruct;
static struct secs secs;

static void run(void)
{
	uint32_t a = 0x12, b, c = 0, d;
	struct sgx_enclave_create create = { .src = (uint64_t)&secs };
	struct sgx_enclave_init init = { .sigstruct = (uint64_t)&sigstruct };
	long fd, area;
	uint64_t base;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	need(1, a & 1);
	need(2, system_call(__NR_read, 0, (long)&sigstruct, sizeof sigstruct, 0, 0, 0) == sizeof sigstruct);
	fd = system_call(__NR_open, (long)"/dev/sgx_enclave", RDWR, 0, 0, 0, 0);
	need(3, fd >= 0);
	area = map(0, 2 * STATIC_SIZE, 0, PRIVATE | ANONYMOUS, -1);
	need(4, area > 0);
	base = ((uint64_t)area + STATIC_SIZE - 1) & ~(STATIC_SIZE - 1);

	secs.size = STATIC_SIZE;
	secs.base = base;
	secs.ssa_frame_size = 1;
	secs.attributes = ATTRIBUTE_MODE64BIT;
	secs.xfrm = XFRM_LEGACY;
	need(5, system_call(__NR_ioctl, fd, SGX_IOC_ENCLAVE_CREATE, (long)&create, 0, 0, 0) == 0);
	need(6, add(fd, 0, static_code, SECINFO_REG | SECINFO_R | SECINFO_X) == 0);
	need(7, add(fd, PAGE, &static_tcs, SECINFO_TCS) == 0);
	need(8, add(fd, 2 * PAGE, static_ssa, SECINFO_REG | SECINFO_R | SECINFO_W) == 0);
	need(9, system_call(__NR_ioctl, fd, SGX_IOC_ENCLAVE_INIT, (long)&init, 0, 0, 0) == 0);
	need(10, map(base, PAGE, PROT_R | PROT_X, SHARED | FIXED, fd) == (long)base);
	need(11, map(base + PAGE, 2 * PAGE, PROT_R | PROT_W, SHARED | FIXED, fd) == (long)(base + PAGE));
	for (uint64_t i = 1; i <= 1000; i++)
		need(12, enter(base + PAGE, i) == 3 * i);
	leave(0);
}

void _start(void)
{
	/* The stack is aligned for a call that was never made. */
	__asm__ volatile("and $-16, %%rsp\n call *%0" : : "r"(run) : "memory");
	__builtin_unreachable();
}
