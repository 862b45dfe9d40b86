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

int main(void)
{
	struct service_options options = {
		.code = secret_code,
		.code_length = (uint64_t)(secret_code_end - secret_code),
	};
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	struct call call = { .operation = OP_JUMP };

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
	}
	return 0;
}
