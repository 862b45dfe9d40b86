/*
 * Three ways out of the same fault: a registered ENCLU handler, the vDSO, a signal.
 *
 * "If an unhandled exception occurs on the ENCLU, i.e. a signal would be
 * generated, load DI, SI and DX with the trap number, error code and faulting
 * address respectively in lieu of generating a signal." CREATE is EFAULT for a
 * process that "has not registered an ENCLU handler"; registering is EINVAL when
 * both addresses are equal. The vDSO's function, which came later, keeps its own
 * fixup; an ENCLU elsewhere is a plain signal.
 * Source: RFC v3 4/4, 10 December 2018 (seed 002).
 *
 * Uapi: rfc-enclu
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <setjmp.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "by_address.h"
#include "check.h"
#include "service.h"

/* Where the handler leaves DI, SI and DX. It has the stack of the EENTER, so it
 * can return as EEXIT does. */
uint64_t handled[3] __attribute__((visibility("hidden")));
extern const char enclu_handler[];
__asm__(".text\n"
	"enclu_handler:\n"
	"	mov	%rdi, handled(%rip)\n"
	"	mov	%rsi, handled+8(%rip)\n"
	"	mov	%rdx, handled+16(%rip)\n"
	"	jmp	enclu_return\n");

/* "ENCLU[EENTER] and ENCLU[ERESUME] for an enclave can be the exact same ENCLU
 * instruction": one that is its own AEP. */
void enclu_one(uint64_t rdi, uint64_t rsi, uint64_t rdx, uint64_t tcs);
extern const char enclu_only[];
__asm__(".text\n"
	"enclu_one:\n"
	"	push	%rbx\n"
	"	push	%rbp\n"
	"	push	%r12\n"
	"	push	%r13\n"
	"	push	%r14\n"
	"	push	%r15\n"
	"	mov	%rcx, %rbx\n"
	"	lea	enclu_only(%rip), %rcx\n"
	"	mov	$2, %eax\n"
	"enclu_only:\n"
	"	enclu\n"
	"	pop	%r15\n"
	"	pop	%r14\n"
	"	pop	%r13\n"
	"	pop	%r12\n"
	"	pop	%rbp\n"
	"	pop	%rbx\n"
	"	ret\n");

#define HEAP_PAGES 40ul

static struct service service;
static sigjmp_buf before;
static siginfo_t signalled;

static void on_signal(int signal, siginfo_t *information, void *context)
{
	(void)signal;
	(void)context;
	signalled = *information;
	siglongjmp(before, 1);
}

static int enclu_register(const void *enclu, const void *handler)
{
	struct sgx_enclu_register argument = { (uint64_t)enclu, (uint64_t)handler };
	int fd = open(SGX_DEVICE, O_RDWR), status = ioctl(fd, SGX_IOC_ENCLU_REGISTER, &argument), error = errno;

	close(fd);
	errno = error;
	return status;
}

static void create_without_handler(void)
{
	struct secs secs = { .size = 1 << 20, .ssa_frame_size = 1, .attributes = ATTRIBUTE_MODE64BIT, .xfrm = XFRM_LEGACY };
	struct sgx_enclave_create create = { .src = (uint64_t)&secs };
	int fd = open(SGX_DEVICE, O_RDWR);

	secs.base = (uint64_t)mmap(NULL, secs.size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, fd, 0);
	check("mmap", (void *)secs.base != MAP_FAILED);
	check_errno("CREATE without a registered handler", EFAULT, ioctl(fd, SGX_IOC_ENCLAVE_CREATE, &create));
	munmap((void *)secs.base, secs.size);
	close(fd);
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	struct call call = { .operation = OP_WRITE, .b = 1 };
	static const uint8_t code[PAGE] __attribute__((aligned(4096))) = { 0x0f, 0x0b }; /* ud2 */
	struct service_options options = {
		.threads = 4,
		.code = code,
		.code_length = PAGE,
		.heap_length = HEAP_PAGES * PAGE,
	};
	struct sgx_enclave_run run;
	uint64_t page;

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	create_without_handler();
	check_errno("both addresses equal", EINVAL, enclu_register(enclu_aep, enclu_aep));
	create_without_handler();
	check_errno("ENCLU_REGISTER", 0, enclu_register(enclu_aep, enclu_handler));
	service_build(&service, &options);
	call.a = page = service.room;

	/* 1. The handler, and no signal. */
	if (sigsetjmp(before, 1) != 0)
		check("a signal came where a handler is registered", false);
	enclu_enter((uint64_t)&call, 0, 0, service_tcs(&service, 0));
	check_equal("DI: the trap number", VECTOR_PF, handled[0]);
	check_equal("SI: the error code", PFEC_U | PFEC_W, handled[1]);
	check_equal("DX: the address", page, handled[2]);

	/* An exception that is not a page fault. */
	struct call jump = { .operation = OP_JUMP, .a = service.code };

	enclu_enter((uint64_t)&jump, 0, 0, service_tcs(&service, 1));
	check_equal("DI: the trap number of UD2", VECTOR_UD, handled[0]);
	check_equal("SI", 0, handled[1]);

	/* The same with one instruction for both leaves. What the kernel handles brings the
	 * thread back to it as ERESUME, first touches of the heap here; what it does not
	 * handle goes to the handler. */
	check_errno("ENCLU_REGISTER of the only one", 0, enclu_register(enclu_only, enclu_handler));

	struct call fill = { .operation = OP_FILL, .a = service.heap, .b = 9, .c = HEAP_PAGES };
	struct call verify = { .operation = OP_VERIFY, .a = service.heap, .b = 9, .c = HEAP_PAGES, .result = 99 };

	memset(handled, 0, sizeof handled);
	for (int i = 0; i < 3; i++) {
		enclu_one((uint64_t)&fill, 0, 0, service_tcs(&service, 3));
		enclu_one((uint64_t)&verify, 0, 0, service_tcs(&service, 3));
		check_equal("every page of the heap is right", 0, verify.result);
	}
	check_equal("the handler was not asked", 0, handled[0]);
	enclu_one((uint64_t)&call, 0, 0, service_tcs(&service, 3));
	check_equal("DI: the trap number", VECTOR_PF, handled[0]);
	check_equal("SI: the error code", PFEC_U | PFEC_W, handled[1]);
	check_equal("DX: the address", page, handled[2]);
	enclu_one((uint64_t)&verify, 0, 0, service_tcs(&service, 3));
	check_equal("and in again on the next frame", 0, verify.result);
	check_errno("ENCLU_REGISTER of the AEP again", 0, enclu_register(enclu_aep, enclu_handler));

	/* 2. The vDSO. */
	memset(handled, 0, sizeof handled);
	service_expect_exception(&service, 2, &call, "the same fault by the vDSO", VECTOR_PF, &run);
	check_equal("error code", PFEC_U | PFEC_W, run.exception_error_code);
	check_equal("address", page, run.exception_addr);
	check_equal("the handler was not asked", 0, handled[0]);

	/* 3. A signal: the process's instruction is another one now. */
	check_errno("ENCLU_REGISTER of another", 0, enclu_register(enclu_step_eenter, enclu_handler));
	if (sigsetjmp(before, 1) == 0) {
		enclu_enter((uint64_t)&call, 0, 0, service_tcs(&service, 2));
		check("a signal comes", false);
	}
	check_equal("which: the driver has no page", SIGBUS, (uint64_t)signalled.si_signo);
	check_equal("where", page, (uint64_t)signalled.si_addr);
	check_equal("the handler was not asked", 0, handled[0]);
	return 0;
}
