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

extern const char faulting_start[], faulting_end[], non_canonical[], illegal[], divides[], divides_x87[], divides_sse[], unaligned[];

/* Each faults where it is entered, but for the first instructions that prepare it. RSI = 8 bytes of the host's. */
__asm__(".pushsection .rodata\n"
	".balign 4096\n"
	"faulting_start:\n"
	"non_canonical:\n"
	"	movabs	$0x8000000000000000, %rax\n"
	"	mov	(%rax), %rax\n"
	".balign 64\n"
	"illegal:\n"
	"	ud2\n"
	".balign 64\n"
	"divides:\n"
	"	xor	%ecx, %ecx\n"
	"	div	%ecx\n"
	".balign 64\n"
	"divides_x87:\n"
	"	movw	$0x0372, (%rsi)\n"
	"	fninit\n"
	"	fldcw	(%rsi)\n"
	"	fldz\n"
	"	fld1\n"
	"	fdiv	%st(1), %st\n"
	"	fwait\n"
	".balign 64\n"
	"divides_sse:\n"
	"	movl	$0x1d80, (%rsi)\n"
	"	ldmxcsr	(%rsi)\n"
	"	xorps	%xmm0, %xmm0\n"
	"	mov	$1, %eax\n"
	"	cvtsi2ss %eax, %xmm1\n"
	"	divss	%xmm0, %xmm1\n"
	".balign 64\n"
	"unaligned:\n"
	"	pushfq\n"
	"	orq	$0x40000, (%rsp)\n"
	"	popfq\n"
	"	mov	1(%rsi), %eax\n"
	".balign 4096\n"
	"faulting_end:\n"
	".popsection\n");

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

static void faults_at(const char *place, unsigned vector)
{
	static uint64_t scratch[2];

	service_build(&service, &(struct service_options){
					.code = faulting_start,
					.code_length = (uint64_t)(faulting_end - faulting_start),
				});
	call = (struct call){
		.operation = OP_JUMP,
		.a = service.code + (uint64_t)(place - faulting_start),
		.b = (uint64_t)scratch,
	};
	service_expect_exception(&service, 0, &call, "what is executed inside", vector, &run);
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

static void not_accepted_change(void)
{
	built();
	check_equal("MODIFY_TYPES", 0, (uint64_t)enclave_modify(&service.enclave, service.data + PAGE, PAGE, 4, NULL, NULL));
	raises(OP_READ, service.data + PAGE, VECTOR_PF);
}

static void restricted(void)
{
	built();
	check_equal("RESTRICT_PERMISSIONS", 0,
		    (uint64_t)enclave_restrict(&service.enclave, service.data + PAGE, PAGE, SECINFO_R, NULL, NULL));
	raises(OP_WRITE, service.data + PAGE, VECTOR_PF);
}

/* On a machine without SGX2, which adds none. */
static void no_page(void)
{
	built();
	raises(OP_READ, service.room, VECTOR_PF);
}

/* In an EPC that is too small, where no page that was written out comes back. */
static void spoilt(void)
{
	const uint64_t heap = 512 * PAGE;

	service_build(&service, &(struct service_options){ .heap_length = heap });
	call = (struct call){ .operation = OP_FILL, .a = service.heap, .b = 1, .c = heap / PAGE };
	run.function = EEXIT;
	for (int i = 0; i < 8 && run.function == EEXIT; i++)
		service_try(&service, service_tcs(&service, 0), &call, EENTER, &run);
	check("a page was lost", run.function != EEXIT);
}

static void raises_gp(void)
{
	faults_at(non_canonical, VECTOR_GP);
}

static void raises_ud(void)
{
	faults_at(illegal, VECTOR_UD);
}

static void raises_de(void)
{
	faults_at(divides, VECTOR_DE);
}

static void raises_mf(void)
{
	faults_at(divides_x87, VECTOR_MF);
}

static void raises_xm(void)
{
	faults_at(divides_sse, VECTOR_XM);
}

/* The host goes on with EFLAGS.AC, by which it ends. */
static void raises_ac(void)
{
	faults_at(unaligned, VECTOR_AC);
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
	{ "not_accepted_change", not_accepted_change },
	{ "restricted", restricted },
	{ "no_page", no_page },
	{ "spoilt", spoilt },
	{ "raises_gp", raises_gp },
	{ "raises_ud", raises_ud },
	{ "raises_de", raises_de },
	{ "raises_mf", raises_mf },
	{ "raises_xm", raises_xm },
	{ "raises_ac", raises_ac },
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
