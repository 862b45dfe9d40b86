/*
 * What each ioctl refuses, with which errno, and in which order.
 *
 * Kernel: every check below is in arch/x86/kernel/cpu/sgx/ioctl.c of Linux 6.12,
 * in the function that has the ioctl's name; where two things are wrong, the
 * errno tells which was looked at first.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define SIZE (64 * PAGE)
#define NOWHERE ((void *)16)
#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)

static uint8_t zeros[4 * PAGE] __attribute__((aligned(4096)));
static int fd;

static void expect_create(const char *what, int error, const struct secs *secs)
{
	struct sgx_enclave_create create = { .src = (uint64_t)secs };

	check_errno(what, error, ioctl(fd, SGX_IOC_ENCLAVE_CREATE, &create));
}

static void creation(uint64_t base)
{
	struct secs secs = { .size = SIZE, .base = base, .ssa_frame_size = 1, .attributes = ATTRIBUTE_MODE64BIT, .xfrm = XFRM_LEGACY };
	struct secs wrong;

	check_errno("CREATE: a pointer to nothing", EFAULT, ioctl(fd, SGX_IOC_ENCLAVE_CREATE, NOWHERE));
	expect_create("CREATE: a SECS that is not there", EFAULT, NOWHERE);
	wrong = secs;
	wrong.size = SIZE - PAGE;
	expect_create("CREATE: a size that is no power of two", EINVAL, &wrong);
	wrong.size = 0;
	expect_create("CREATE: a size of zero", EINVAL, &wrong);
	wrong = secs;
	wrong.base += PAGE;
	expect_create("CREATE: a base that is no multiple of the size", EIO, &wrong);
	wrong = secs;
	wrong.ssa_frame_size = 0;
	expect_create("CREATE: no SSA frame size", EIO, &wrong);
	wrong = secs;
	wrong.xfrm = 1;
	expect_create("CREATE: XFRM without SSE", EIO, &wrong);
	wrong = secs;
	wrong.attributes |= ATTRIBUTE_INIT;
	expect_create("CREATE: ATTRIBUTES.INIT set", EIO, &wrong);
	wrong = secs;
	wrong.attributes |= 1ul << 40;
	expect_create("CREATE: a reserved attribute", EIO, &wrong);
	wrong = secs;
	wrong.miscselect = 1u << 31;
	expect_create("CREATE: a reserved MISCSELECT bit", EIO, &wrong);
	wrong = secs;
	wrong.reserved_262[3000] = 1;
	expect_create("CREATE: a reserved byte of the SECS", EIO, &wrong);
	expect_create("CREATE after all of these", 0, &secs);
	/* Being created is looked at before the argument. */
	check_errno("CREATE a second time, with a pointer to nothing", EINVAL,
		    ioctl(fd, SGX_IOC_ENCLAVE_CREATE, NOWHERE));
}

struct addition {
	const char *what;
	int error;
	uint64_t count; /* expected; only looked at where the ioctl got as far as to write it */
	struct sgx_enclave_add_pages argument;
	struct secinfo secinfo;
};

static void expect_addition(const struct addition *addition)
{
	struct sgx_enclave_add_pages argument = addition->argument;

	if (argument.secinfo == 0)
		argument.secinfo = (uint64_t)&addition->secinfo;
	if (argument.src == 0)
		argument.src = (uint64_t)zeros;
	argument.count = 0x77;
	check_errno(addition->what, addition->error, ioctl(fd, SGX_IOC_ENCLAVE_ADD_PAGES, &argument));
	check_equal(addition->what, addition->count, argument.count);
}

#define UNTOUCHED 0x77

static void additions(void)
{
	uint8_t *hole = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static struct tcs bad_tcs __attribute__((aligned(4096)));

	bad_tcs.flags = 1ul << 40;
	munmap(hole + PAGE, PAGE);

	const struct addition list[] = {
		{ "ADD_PAGES: a source in the middle of a page", EINVAL, UNTOUCHED,
		  { .src = (uint64_t)zeros + 8, .length = PAGE }, { .flags = RW } },
		{ "ADD_PAGES: an offset in the middle of a page", EINVAL, UNTOUCHED,
		  { .offset = 8, .length = PAGE }, { .flags = RW } },
		{ "ADD_PAGES: no length", EINVAL, UNTOUCHED, { .length = 0 }, { .flags = RW } },
		{ "ADD_PAGES: half a page", EINVAL, UNTOUCHED, { .length = 2048 }, { .flags = RW } },
		{ "ADD_PAGES: beyond the enclave", EINVAL, UNTOUCHED,
		  { .offset = SIZE, .length = PAGE }, { .flags = RW } },
		{ "ADD_PAGES: across the end of the enclave", EINVAL, UNTOUCHED,
		  { .offset = SIZE - PAGE, .length = 2 * PAGE }, { .flags = RW } },
		{ "ADD_PAGES: a range that wraps", EINVAL, UNTOUCHED,
		  { .offset = -PAGE, .length = 2 * PAGE }, { .flags = RW } },
		{ "ADD_PAGES: a wrong length before a SECINFO that is not there", EINVAL, UNTOUCHED,
		  { .length = 1, .secinfo = (uint64_t)NOWHERE }, { .flags = RW } },
		{ "ADD_PAGES: a SECINFO that is not there", EFAULT, UNTOUCHED,
		  { .length = PAGE, .secinfo = (uint64_t)NOWHERE }, { .flags = RW } },
		{ "ADD_PAGES: of type SECS", EINVAL, UNTOUCHED, { .length = PAGE }, { .flags = SECINFO_R | SECINFO_W } },
		{ "ADD_PAGES: of type VA", EINVAL, UNTOUCHED, { .length = PAGE }, { .flags = SECINFO_VA } },
		{ "ADD_PAGES: of type TRIM", EINVAL, UNTOUCHED, { .length = PAGE }, { .flags = SECINFO_TRIM } },
		{ "ADD_PAGES: write without read", EINVAL, UNTOUCHED,
		  { .length = PAGE }, { .flags = SECINFO_REG | SECINFO_W } },
		{ "ADD_PAGES: a TCS with permissions", EINVAL, UNTOUCHED,
		  { .length = PAGE }, { .flags = SECINFO_TCS | SECINFO_R } },
		{ "ADD_PAGES: a reserved flag", EINVAL, UNTOUCHED, { .length = PAGE }, { .flags = RW | 1ul << 20 } },
		{ "ADD_PAGES: a reserved byte of SECINFO", EINVAL, UNTOUCHED,
		  { .length = PAGE }, { .flags = RW, .reserved = { [55] = 1 } } },
		{ "ADD_PAGES: a source that is not mapped", EFAULT, 0,
		  { .src = (uint64_t)hole + PAGE, .length = PAGE }, { .flags = RW } },
		{ "ADD_PAGES: a TCS with a reserved flag", EIO, 0,
		  { .src = (uint64_t)&bad_tcs, .length = PAGE }, { .flags = SECINFO_TCS } },
		/* The first page is added, the second has no source. */
		{ "ADD_PAGES: a source that ends", EFAULT, PAGE,
		  { .src = (uint64_t)hole, .offset = 8 * PAGE, .length = 2 * PAGE }, { .flags = RW } },
		{ "ADD_PAGES: two pages", 0, 2 * PAGE, { .offset = 0, .length = 2 * PAGE, .flags = SGX_PAGE_MEASURE }, { .flags = RW } },
		{ "ADD_PAGES: one that is there", EBUSY, 0, { .offset = PAGE, .length = PAGE }, { .flags = RW } },
		{ "ADD_PAGES: up to one that is there", EBUSY, 2 * PAGE,
		  { .offset = 6 * PAGE, .length = 3 * PAGE }, { .flags = RW } },
		{ "ADD_PAGES: the last page of the enclave", 0, PAGE,
		  { .offset = SIZE - PAGE, .length = PAGE }, { .flags = RW } },
	};

	check_errno("ADD_PAGES: a pointer to nothing", EFAULT, ioctl(fd, SGX_IOC_ENCLAVE_ADD_PAGES, NOWHERE));
	for (size_t i = 0; i < sizeof list / sizeof *list; i++)
		expect_addition(&list[i]);
}

static void before_creation(void)
{
	check_errno("ADD_PAGES before CREATE", EINVAL, ioctl(fd, SGX_IOC_ENCLAVE_ADD_PAGES, NOWHERE));
	check_errno("INIT before CREATE", EINVAL, ioctl(fd, SGX_IOC_ENCLAVE_INIT, NOWHERE));
	check_errno("RESTRICT_PERMISSIONS before CREATE", EINVAL,
		    ioctl(fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, NOWHERE));
	check_errno("MODIFY_TYPES before CREATE", EINVAL, ioctl(fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, NOWHERE));
	check_errno("REMOVE_PAGES before CREATE", EINVAL, ioctl(fd, SGX_IOC_ENCLAVE_REMOVE_PAGES, NOWHERE));
	check_errno("an ioctl of another number", ENOTTY, ioctl(fd, _IO(0xa4, 0x20), 0));
	check_errno("an ioctl of another size", ENOTTY, ioctl(fd, _IOW(0xa4, 0, uint64_t[2]), 0));
	check_errno("VEPC_REMOVE_ALL", ENOTTY, ioctl(fd, SGX_IOC_VEPC_REMOVE_ALL));
	check_errno("TCGETS, of another kind of device", ENOTTY, ioctl(fd, 0x5401, NOWHERE));
}

static void expect_init(const char *what, int error, const struct sigstruct *sigstruct)
{
	struct sgx_enclave_init init = { .sigstruct = (uint64_t)sigstruct };

	check_errno(what, error, ioctl(fd, SGX_IOC_ENCLAVE_INIT, &init));
}

static void initialisation(const struct sigstruct *sigstruct)
{
	struct sigstruct wrong = *sigstruct;

	check_errno("INIT: a pointer to nothing", EFAULT, ioctl(fd, SGX_IOC_ENCLAVE_INIT, NOWHERE));
	expect_init("INIT: a SIGSTRUCT that is not there", EFAULT, NOWHERE);
	wrong.vendor = 0x1234;
	expect_init("INIT: a vendor that is neither 0 nor Intel", EINVAL, &wrong);
	wrong = *sigstruct;
	wrong.attributes |= 1ul << 40;
	expect_init("INIT: a reserved attribute", EINVAL, &wrong);
	wrong = *sigstruct;
	wrong.miscselect |= 1u << 31;
	expect_init("INIT: a reserved MISCSELECT bit", EINVAL, &wrong);
	wrong = *sigstruct;
	wrong.xfrm |= 1ul << 62;
	expect_init("INIT: a reserved XFRM bit", EINVAL, &wrong);
	wrong = *sigstruct;
	wrong.signature[100] ^= 1;
	expect_init("INIT: a wrong signature", EPERM, &wrong);
	wrong = *sigstruct;
	wrong.enclave_hash[0] ^= 1;
	expect_init("INIT: a changed measurement", EPERM, &wrong);
	wrong = *sigstruct;
	wrong.q1[0] ^= 1;
	expect_init("INIT: a wrong Q1", EPERM, &wrong);
	wrong = *sigstruct;
	wrong.header[0] ^= 1;
	expect_init("INIT: a wrong header", EPERM, &wrong);
	expect_init("INIT after all of these", 0, sigstruct);
	expect_init("INIT a second time", EINVAL, NOWHERE);
	check_errno("ADD_PAGES after INIT", EINVAL, ioctl(fd, SGX_IOC_ENCLAVE_ADD_PAGES, NOWHERE));
	check_errno("CREATE after INIT", EINVAL, ioctl(fd, SGX_IOC_ENCLAVE_CREATE, NOWHERE));
}

/* The three ioctls of SGX2 have the same range checks. */
static void ranges(struct service *service)
{
	const uint64_t base = service->enclave.base, size = service->enclave.size;
	const struct {
		const char *what;
		uint64_t offset, length;
		int error;
	} list[] = {
		{ "an offset in the middle of a page", 8, PAGE, EINVAL },
		{ "no length", 0, 0, EINVAL },
		{ "half a page", 0, 2048, EINVAL },
		{ "beyond the enclave", size, PAGE, EINVAL },
		{ "across the end", size - PAGE, 2 * PAGE, EINVAL },
		{ "a range that wraps", -PAGE, 2 * PAGE, EINVAL },
		{ "a page that is not there", service->room - base, PAGE, EFAULT },
	};
	struct enclave *enclave = &service->enclave;

	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		uint64_t address = base + list[i].offset, result, count;

		check_errno(list[i].what, list[i].error,
			    enclave_restrict(enclave, address, list[i].length, SECINFO_R, &result, &count));
		check_equal("result", 0, result);
		check_equal("count", 0, count);
		check_errno(list[i].what, list[i].error,
			    enclave_modify(enclave, address, list[i].length, PT_TRIM, &result, &count));
		check_equal("result", 0, result);
		check_equal("count", 0, count);
		check_errno(list[i].what, list[i].error, enclave_remove(enclave, address, list[i].length, &count));
		check_equal("count", 0, count);
	}
}

static void dynamic(struct service *service)
{
	struct enclave *enclave = &service->enclave;
	uint64_t offset = service->data - enclave->base, result, count;
	struct sgx_enclave_restrict_permissions restrict_arg = { .offset = offset, .length = PAGE, .permissions = SECINFO_R };
	struct sgx_enclave_modify_types modify_arg = { .offset = offset, .length = PAGE, .page_type = PT_TRIM };
	struct sgx_enclave_remove_pages remove_arg = { .offset = offset, .length = PAGE, .count = 1 };

	fd = enclave->fd;
	check_errno("RESTRICT_PERMISSIONS: a pointer to nothing", EFAULT,
		    ioctl(fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, NOWHERE));
	check_errno("MODIFY_TYPES: a pointer to nothing", EFAULT, ioctl(fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, NOWHERE));
	check_errno("REMOVE_PAGES: a pointer to nothing", EFAULT, ioctl(fd, SGX_IOC_ENCLAVE_REMOVE_PAGES, NOWHERE));
	ranges(service);

	check_errno("RESTRICT_PERMISSIONS to write only", EINVAL,
		    enclave_restrict(enclave, service->data, PAGE, SECINFO_W, &result, &count));
	check_errno("RESTRICT_PERMISSIONS to what is no permission", EINVAL,
		    enclave_restrict(enclave, service->data, PAGE, 8, &result, &count));
	restrict_arg.result = 1;
	check_errno("RESTRICT_PERMISSIONS with a result", EINVAL,
		    ioctl(fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &restrict_arg));
	restrict_arg.result = 0;
	restrict_arg.count = 1;
	check_errno("RESTRICT_PERMISSIONS with a count", EINVAL,
		    ioctl(fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &restrict_arg));
	check_errno("RESTRICT_PERMISSIONS of a TCS", EINVAL,
		    enclave_restrict(enclave, service->threads, PAGE, SECINFO_R, &result, &count));

	modify_arg.result = 1;
	check_errno("MODIFY_TYPES with a result", EINVAL, ioctl(fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, &modify_arg));
	modify_arg.result = 0;
	modify_arg.count = 1;
	check_errno("MODIFY_TYPES with a count", EINVAL, ioctl(fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, &modify_arg));
	check_errno("MODIFY_TYPES to a type beyond 255", EINVAL,
		    enclave_modify(enclave, service->data, PAGE, 0x100 | PT_TRIM, &result, &count));
	check_errno("MODIFY_TYPES to REG", EINVAL,
		    enclave_modify(enclave, service->data, PAGE, PT_REG, &result, &count));
	check_errno("MODIFY_TYPES to SECS", EINVAL,
		    enclave_modify(enclave, service->data, PAGE, PT_SECS, &result, &count));
	check_errno("MODIFY_TYPES of a page without write permission to TCS", EPERM,
		    enclave_modify(enclave, enclave->base, PAGE, PT_TCS, &result, &count));
	check_errno("REMOVE_PAGES with a count", EINVAL, ioctl(fd, SGX_IOC_ENCLAVE_REMOVE_PAGES, &remove_arg));
	check_errno("REMOVE_PAGES of a regular page", EPERM, enclave_remove(enclave, service->data, PAGE, &count));

	/* The enclave is as it was. */
	check_equal("the enclave still works", 0, service_do(service, 0, OP_READ, service->data, 0, 0, 0));
}

int main(void)
{
	static struct service service, other;

	fd = open("/dev/sgx_enclave", O_RDWR);
	if (fd < 0)
		die("open /dev/sgx_enclave");
	before_creation();
	creation(enclave_reserve(0, SIZE));
	additions();
	close(fd);
	check_errno("an ioctl on a closed file", EBADF, ioctl(fd, SGX_IOC_ENCLAVE_ADD_PAGES, NOWHERE));

	service_add(&other, NULL);
	enclave_sign(&other.enclave);
	fd = other.enclave.fd;
	initialisation(&other.enclave.sigstruct);

	service_build(&service, NULL);
	dynamic(&service);
	return 0;
}
