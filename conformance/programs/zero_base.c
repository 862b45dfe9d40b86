/*
 * An enclave whose SECS.BASEADDR is 0, as Open Enclave and Gramine make for
 * programs that are not position independent; here as large as the lower half of
 * user space.
 *
 * Hardware: base 0 is as good as any. Kernel: what lies below vm.mmap_min_addr
 * cannot be mapped, all above can. A null pointer in the enclave lies in ELRANGE,
 * where there is no page: #PF without P, which the vDSO reports.
 * Source: SDM 3D, ECREATE; openenclave pull request 3898; graphene pull request
 * 1746; Linux Documentation/admin-guide/sysctl/vm.rst, mmap_min_addr.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
#define LOWEST 0x10000ul
#define CODE (1ul << 34)
#define DATA (CODE + PAGE)
#define THREADS (CODE + 2 * PAGE)

static struct service service;

static void build(uint64_t size)
{
	struct enclave *enclave = &service.enclave;
	struct sgx_enclave_create create = { .src = (uint64_t)&enclave->secs };

	memset(&service, 0, sizeof service);
	enclave->fd = open("/dev/sgx_enclave", O_RDWR);
	if (enclave->fd < 0)
		die("open /dev/sgx_enclave");
	enclave->size = size;
	enclave->secs = (struct secs){
		.size = size, .ssa_frame_size = 1, .attributes = ATTRIBUTE_MODE64BIT, .xfrm = XFRM_LEGACY,
	};
	check_errno("CREATE with base 0", 0, ioctl(enclave->fd, SGX_IOC_ENCLAVE_CREATE, &create));
	enclave->measurement = measurement_create(1, size);
	enclave_add(enclave, CODE, service_code, PAGE, SECINFO_REG | SECINFO_R | SECINFO_X);
	enclave_add_unmeasured(enclave, DATA, PAGE, RW);
	enclave_add_thread(enclave, THREADS, CODE);
	enclave_init(enclave);
	check_equal("mmap from the lowest address on", LOWEST,
		    (uint64_t)mmap((void *)LOWEST, CODE - LOWEST, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, enclave->fd, 0));
	enclave_map(enclave, CODE, PAGE, PROT_READ | PROT_EXEC);
	enclave_map(enclave, DATA, size - DATA, PROT_READ | PROT_WRITE);
	service.data = DATA;
	service.threads = THREADS;
	service.room = LOWEST;
}

static void accept_and_use(uint64_t page)
{
	check_equal("EACCEPT", 0, service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, page, 0));
	service_do(&service, 0, OP_WRITE, page, page + 5, 0, 0);
	check_equal("what is there", page + 5, service_do(&service, 0, OP_READ, page, 0, 0, 0));
}

int main(void)
{
	struct sgx_enclave_run run;

	vdso_find();
	build(1ul << 46);
	for (uint64_t i = 0; i < 8; i++)
		accept_and_use(LOWEST + i * PAGE);
	accept_and_use(CODE - PAGE);
	accept_and_use((1ul << 46) - PAGE);
	for (uint64_t address = 0; address < LOWEST; address += 0x7000) {
		struct call call = { .operation = OP_READ, .a = address };

		service_expect_exception(&service, 0, &call, "a null pointer inside", VECTOR_PF, &run);
		check_equal("address", address, run.exception_addr);
		call = (struct call){ .operation = OP_EXCEPTION, .a = 3 };
		service_call(&service, 0, &call);
		service_resume(&service, 0);
	}
	check_errno("munmap", 0, munmap((void *)LOWEST, (1ul << 46) - LOWEST));
	close(service.enclave.fd);
	return 0;
}
