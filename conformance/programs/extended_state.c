/*
 * What an enclave has in its SSE registers is not seen outside, and comes back.
 *
 * Hardware: AEX saves the state that XFRM names in the SSA frame and leaves it
 * in its initial configuration (XMM registers 0, MXCSR 1F80h); ERESUME restores
 * it. EENTER changes none of it.
 * Source: SDM 3D, "Enclave Exiting Events", synthetic state for extended
 * features; AEX flow.
 */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "check.h"
#include "service.h"

extern const char secret_code[], secret_code_end[];

/* RSI = an address to write to. Fills the XMM registers and sets MXCSR's
 * rounding bits, writes, and counts what changed over it. */
__asm__(".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl secret_code\n"
	"secret_code:\n"
	"	mov	$0x5ec3e7, %ebx\n"
	"	.irp x, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"	inc	%rbx\n"
	"	movq	%rbx, %xmm\\x\n"
	"	.endr\n"
	"	lea	6 * 4096(%r15), %rdi\n"
	"	movl	$0x7f80, -16(%rdi)\n"
	"	ldmxcsr	-16(%rdi)\n"
	"	mov	%rbx, (%rsi)\n" /* faults */
	"	xor	%eax, %eax\n"
	"	mov	$0x5ec3e7, %ebx\n"
	"	.irp x, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"	inc	%rbx\n"
	"	movq	%xmm\\x, %rcx\n"
	"	cmp	%rbx, %rcx\n"
	"	je	1f\n"
	"	inc	%eax\n"
	"1:\n"
	"	.endr\n"
	"	stmxcsr	-16(%rdi)\n"
	"	cmpl	$0x7f80, -16(%rdi)\n"
	"	je	1f\n"
	"	add	$100, %eax\n"
	"1:	movl	$0x1f80, -16(%rdi)\n"
	"	ldmxcsr	-16(%rdi)\n"
	"	jmp	*%r11\n"
	".balign 4096\n"
	".globl secret_code_end\n"
	"secret_code_end:\n"
	".popsection\n");

/* int enter_and_look(rdi, rsi, rdx, function, r8, r9, run, state): vdso_enter, and
 * what the XMM registers, MXCSR and FCW are right behind it. */
extern int enter_and_look(uint64_t rdi, uint64_t rsi, uint64_t rdx, uint32_t function, uint64_t r8, uint64_t r9,
			  struct sgx_enclave_run *run, uint8_t *state);

__asm__(".pushsection .text\n"
	".globl enter_and_look\n"
	"enter_and_look:\n"
	"	pushq	8(%rsp)\n"
	"	call	vdso_enter\n"
	"	add	$8, %rsp\n"
	"	mov	16(%rsp), %rcx\n"
	"	.irp x, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
	"	movups	%xmm\\x, 16 * \\x(%rcx)\n"
	"	.endr\n"
	"	stmxcsr	256(%rcx)\n"
	"	fnstcw	260(%rcx)\n"
	"	ret\n"
	".popsection\n");

static struct service service;
static volatile sig_atomic_t faults;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	const struct _libc_fpstate *state = ((const ucontext_t *)context)->uc_mcontext.fpregs;
	static const uint8_t zeros[16];

	(void)signal;
	(void)info;
	faults++;
	for (int i = 0; i < 16; i++)
		check_bytes("an XMM register after an AEX", zeros, &state->_xmm[i], sizeof zeros);
	check_equal("MXCSR after an AEX", 0x1f80, state->mxcsr);
	if (mprotect((void *)service.data, PAGE, PROT_READ | PROT_WRITE) != 0)
		die("mprotect in the handler");
}

/* The same for an exception that the vDSO's function returns. */
static void by_vdso(void)
{
	static const uint8_t zeros[256];
	uint8_t state[264];
	struct call call = { .operation = OP_JUMP, .a = service.code, .b = service.data, .result = 99 };
	struct sgx_enclave_run run = { .tcs = service_tcs(&service, 0) };
	uint32_t mxcsr;
	uint16_t control;

	if (mprotect((void *)service.data, PAGE, PROT_READ) != 0)
		die("mprotect");
	check_equal("entry by the vDSO", 0, (uint64_t)enter_and_look((uint64_t)&call, 0, 0, EENTER, 0, 0, &run, state));
	check_equal("the exception", VECTOR_PF, run.exception_vector);
	check_equal("how the enclave was left", ERESUME, run.function);
	check_bytes("the XMM registers after an AEX", zeros, state, sizeof zeros);
	memcpy(&mxcsr, state + 256, sizeof mxcsr);
	memcpy(&control, state + 260, sizeof control);
	check_equal("MXCSR after an AEX", 0x1f80, mxcsr);
	check_equal("FCW after an AEX", 0x37f, control);
	if (mprotect((void *)service.data, PAGE, PROT_READ | PROT_WRITE) != 0)
		die("mprotect");
	/* At the same place of the stack: service.h says why. */
	check_equal("ERESUME", 0, (uint64_t)enter_and_look(0, 0, 0, ERESUME, 0, 0, &run, state));
	check_equal("how the enclave was left", EEXIT, run.function);
	check_equal("XMM registers that changed inside", 0, call.result);
}

int main(void)
{
	struct service_options options = {
		.code = secret_code,
		.code_length = (uint64_t)(secret_code_end - secret_code),
	};
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct call call = { .operation = OP_JUMP };

	vdso_find();
	service_build(&service, &options);
	call.a = service.code;
	call.b = service.data;
	sigaction(SIGSEGV, &action, NULL);
	for (int round = 1; round <= 3; round++) {
		if (mprotect((void *)service.data, PAGE, PROT_READ) != 0)
			die("mprotect");
		enclu_enter((uint64_t)&call, 0, 0, service_tcs(&service, 0));
		check_equal("faults", (uint64_t)round, (uint64_t)faults);
		check_equal("XMM registers that changed inside", 0, call.result);
		by_vdso();
	}
	return 0;
}
