/*
 * Failures as developers meet them, one after the other, each named by its
 * argument: explained_failures.run reads what is said of them.
 *
 * It ends with 0 where each failure is as hardware and kernel have it.
 * Source: SDM 3D, EENTER, EACCEPT, EGETKEY; Linux
 * arch/x86/kernel/cpu/sgx/ioctl.c; arch/x86/entry/vdso/vsgx.S.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static struct service service;
static struct call call;
static struct sgx_enclave_run run;

static void built(void)
{
	service_build(&service, &(struct service_options){ .data_pages = 2, .threads = 2 });
}

static void raises(enum operation operation, uint64_t a, unsigned vector)
{
	call = (struct call){ .operation = operation, .a = a };
	service_expect_exception(&service, 0, &call, "what is tried inside", vector, &run);
}

/* Calls are far from main, so that they can be told apart. */
static __attribute__((noinline)) void add_behind_the_end(void)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));
	struct secinfo secinfo = { .flags = SECINFO_REG | SECINFO_R };
	struct sgx_enclave_add_pages add = {
		.src = (uint64_t)page, .offset = service.enclave.size, .length = PAGE, .secinfo = (uint64_t)&secinfo,
	};

	check_errno("ADD_PAGES behind the end", EINVAL, ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &add));
}

static void not_added(void)
{
	enclave_create(&service.enclave, 1 << 20, NULL);
	add_behind_the_end();
}

static void added_twice(void)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));
	struct secinfo secinfo = { .flags = SECINFO_REG | SECINFO_R };
	struct sgx_enclave_add_pages add = { .src = (uint64_t)page, .length = PAGE, .secinfo = (uint64_t)&secinfo };

	enclave_create(&service.enclave, 1 << 20, NULL);
	enclave_add(&service.enclave, 0, page, PAGE, SECINFO_REG | SECINFO_R);
	check_errno("ADD_PAGES of a page that is there", EBUSY,
		    ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &add));
}

static void not_an_ioctl(void)
{
	enclave_create(&service.enclave, 1 << 20, NULL);
	check_errno("a strange command", ENOTTY, ioctl(service.enclave.fd, _IO(0xa4, 99), 0));
}

static void not_trimmed(void)
{
	uint64_t count = 0;

	built();
	check_errno("REMOVE_PAGES of a page in use", EPERM, enclave_remove(&service.enclave, service.data, PAGE, &count));
}

static void not_accepted(void)
{
	built();
	raises(OP_READ, service.room, VECTOR_PF);
}

static void other_permissions(void)
{
	built();
	check_equal("EACCEPT with other permissions", SGX_PAGE_ATTRIBUTES_MISMATCH,
		    service_accept(&service, 0, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_PENDING, service.room, 0));
}

static void not_mapped_for_writing(void)
{
	built();
	if (mprotect((void *)(service.data + PAGE), PAGE, PROT_READ) != 0)
		die("mprotect");
	raises(OP_WRITE, service.data + PAGE, VECTOR_PF);
}

static void unmapped(void)
{
	built();
	if (munmap((void *)(service.data + PAGE), PAGE) != 0)
		die("munmap");
	raises(OP_READ, service.data + PAGE, VECTOR_PF);
}

static void write_to_code(void)
{
	built();
	if (mprotect((void *)service.enclave.base, PAGE, PROT_READ | PROT_EXEC) != 0)
		die("mprotect");
	raises(OP_WRITE, service.enclave.base, VECTOR_PF);
}

static void read_of_tcs(void)
{
	built();
	raises(OP_READ, service_tcs(&service, 1), VECTOR_PF);
}

static void null_pointer(void)
{
	built();
	raises(OP_READ, 0x18, VECTOR_PF);
}

static void no_frame(void)
{
	built();
	/* Each leaves its frame behind. */
	for (int i = 0; i < THREAD_NSSA; i++)
		raises(OP_READ, 0x18, VECTOR_PF);
	call = (struct call){ .operation = OP_NOTHING };
	check_equal("EENTER without a frame", 0, (uint64_t)service_try(&service, service_tcs(&service, 0), &call, EENTER, &run));
	check_equal("its exception", VECTOR_GP, run.exception_vector);
}

static volatile uint64_t stop;

/* Both try until they meet. */
static void *spin(void *nothing)
{
	struct call spinning = { .operation = OP_SPIN, .a = (uint64_t)&stop };
	struct sgx_enclave_run own;

	do
		service_try(&service, service_tcs(&service, 1), &spinning, EENTER, &own);
	while (own.exception_vector == VECTOR_GP);
	return nothing;
}

static void busy_tcs(void)
{
	pthread_t other;

	built();
	if (pthread_create(&other, NULL, spin, NULL) != 0)
		die("start a thread");
	for (int tries = 0; tries < 5000 && run.exception_vector != VECTOR_GP; tries++) {
		call = (struct call){ .operation = OP_NOTHING };
		memset(&run, 0, sizeof(run));
		service_try(&service, service_tcs(&service, 1), &call, EENTER, &run);
		usleep(1000);
	}
	check_equal("the exception of EENTER on a TCS that is in use", VECTOR_GP, run.exception_vector);
	stop = 1;
	pthread_join(other, NULL);
}

static void not_initialized(void)
{
	vdso_find();
	service_add(&service, NULL);
	service_map(&service);
	call = (struct call){ .operation = OP_NOTHING };
	check_equal("EENTER before EINIT", 0, (uint64_t)service_try(&service, service_tcs(&service, 0), &call, EENTER, &run));
	check_equal("its exception", VECTOR_GP, run.exception_vector);
}

static void strange_key(void)
{
	built();
	/* The data page is a KEYREQUEST with this KEYNAME. */
	service_do(&service, 0, OP_WRITE, service.data, 77, 0, 0);
	check_equal("EGETKEY of a key that is none", SGX_INVALID_KEYNAME,
		    service_do(&service, 0, OP_ENCLU, EGETKEY, service.data, service.data + PAGE, 0));
}

static void wrong_side(void)
{
	built();
	call = (struct call){ .operation = OP_ENCLU, .a = EENTER };
	service_expect_exception(&service, 0, &call, "EENTER inside", VECTOR_GP, &run);
}

static void illegal_instruction(void)
{
	built();
	raises(OP_JUMP, service.data, VECTOR_PF);
}

static void many(void)
{
	enclave_create(&service.enclave, 1 << 20, NULL);
	for (int i = 0; i < 1000; i++)
		add_behind_the_end();
}

static void dies(void)
{
	built();
	service_do(&service, 0, OP_NOTHING, 0, 0, 0, 0);
	raise(SIGSEGV);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "not_added", not_added },
	{ "added_twice", added_twice },
	{ "not_an_ioctl", not_an_ioctl },
	{ "not_trimmed", not_trimmed },
	{ "not_accepted", not_accepted },
	{ "other_permissions", other_permissions },
	{ "not_mapped_for_writing", not_mapped_for_writing },
	{ "unmapped", unmapped },
	{ "write_to_code", write_to_code },
	{ "read_of_tcs", read_of_tcs },
	{ "null_pointer", null_pointer },
	{ "no_frame", no_frame },
	{ "busy_tcs", busy_tcs },
	{ "not_initialized", not_initialized },
	{ "strange_key", strange_key },
	{ "wrong_side", wrong_side },
	{ "illegal_instruction", illegal_instruction },
	{ "many", many },
	{ "dies", dies },
};

static void do_case(const char *name)
{
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(name, cases[i].name) == 0) {
			/* The marker tells the looker whose lines follow. */
			fprintf(stderr, "== %s\n", name);
			memset(&run, 0, sizeof(run));
			cases[i].run();
			return;
		}
	printf("there is no case %s\n", name);
	exit(1);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		do_case(argv[i]);
	return 0;
}
