/*
 * An enclave whose pages are lost with the power, with --power-loss ioctl=3, and another that needs their room: with an EPC of 256 pages
 * those of the first are written out, or would be. Then they are read. Linux has no page to give: SIGBUS, if it gets so far.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <asm/sgx.h>

#define PAGE 4096
#define SIZE (512 * PAGE)

static unsigned char source[300 * PAGE] __attribute__((aligned(PAGE)));
static struct {
	uint64_t size, base;
	uint32_t ssa_frame_size, miscselect;
	uint8_t reserved[24];
	uint64_t attributes, xfrm;
	uint8_t rest[4032];
} secs __attribute__((aligned(PAGE)));
static const struct {
	uint64_t flags, reserved[7];
} secinfo __attribute__((aligned(64))) = { .flags = 0x201 };

static void on_sigbus(int signal)
{
	(void)signal;
	_exit(write(1, "SIGBUS\n", 7) == 7 ? 0 : 1);
}

static void need(const char *what, int is_done)
{
	if (is_done)
		return;
	perror(what);
	exit(1);
}

static volatile char *build(uint64_t length)
{
	struct sgx_enclave_create create = { .src = (uint64_t)&secs };
	struct sgx_enclave_add_pages add = { .src = (uint64_t)source, .length = length, .secinfo = (uint64_t)&secinfo };
	int device = open("/dev/sgx_enclave", O_RDWR);
	char *range = mmap(NULL, 2 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *base = (char *)(((uintptr_t)range + SIZE - 1) & -(uintptr_t)SIZE);

	secs.size = SIZE;
	secs.base = (uint64_t)base;
	secs.ssa_frame_size = 1;
	secs.attributes = 4;
	secs.xfrm = 3;
	need("CREATE", ioctl(device, SGX_IOC_ENCLAVE_CREATE, &create) == 0);
	need("ADD_PAGES", ioctl(device, SGX_IOC_ENCLAVE_ADD_PAGES, &add) == 0);
	need("mmap", mmap(base, length, PROT_READ, MAP_SHARED | MAP_FIXED, device, 0) == base);
	return base;
}

int main(void)
{
	volatile char *lost;

	signal(SIGBUS, on_sigbus);
	lost = build(100 * PAGE);
	build(sizeof(source));
	for (int page = 0; page < 100; page++)
		(void)lost[page * PAGE];
	puts("read");
	return 0;
}
