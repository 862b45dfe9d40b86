/*
 * AEX-Notify at interrupts that come by order, as at those of a timer: code that
 * is interrupted anywhere goes on as if nothing had been, and a handler of its
 * own has run before.
 *
 * Hardware: ERESUME enters at TCS.OENTRY with CSSA 1 in RAX where bit 0 of
 * GPRSGX.AEXNOTIFY is set in the frame to be resumed. The handler copies what the
 * frame has, gives it back by EDECCSSA, and goes on where the exit was. Interrupts
 * at CSSA 1 are resumed, for that frame has not the bit; those after EDECCSSA are
 * notified again, in the middle of the first one's end.
 * Source: SDM 3D, "Asynchronous Enclave Exit Notify", ERESUME, EDECCSSA.
 *
 * Run: --interrupt-every 1009 -- 4000
 * Run: --interrupt-every 97:5 -- 1000
 * Run: --interrupts 1000 -- 30000000
 */
#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "service.h"

extern const char notify_code[], notify_code_end[];
struct visit {
	uint64_t sum, notifications;
};
extern struct visit notify_enter(uint64_t tcs, uint64_t data, uint64_t rounds);

/* RDI = the data page: at 0 how often the handler ran. RSI = rounds; then RSI = the sum, RDX = how often. At entry RBX = the TCS, whose frames
 * begin at +4096, the stack ends at +6 * 4096; GPRSGX is the last 184 bytes of a frame. */
__asm__(".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl notify_code\n"
	"notify_code:\n"
	"	test	%eax, %eax\n"
	"	jnz	handler\n"
	"	movb	$1, 8192 - 184 + 167(%rbx)\n"
	"	mov	%rcx, %r12\n"
	"	mov	%rsp, %r13\n"
	"	lea	6 * 4096(%rbx), %rsp\n"
	"	mov	%rbx, %r14\n"
	"	mov	%rsi, %rcx\n"
	"	xor	%eax, %eax\n"
	"1:	push	%rcx\n"
	"	add	(%rsp), %rax\n"
	"	mov	%rax, -64(%rsp)\n" /* what stands below RSP is the code's own: the red zone */
	"	xor	%eax, %eax\n"
	"	xchg	-64(%rsp), %rax\n"
	"	pop	%rcx\n"
	"	dec	%rcx\n"
	"	jnz	1b\n"
	"	mov	%rax, %rsi\n"
	"	mov	(%rdi), %rdx\n"
	"	movb	$0, 8192 - 184 + 167(%r14)\n"
	"	mov	%r13, %rsp\n"
	"	mov	%r12, %rbx\n"
	"	mov	$4, %eax\n"
	"	enclu\n"
	"handler:\n"
	"	lea	8192 - 184(%rbx), %r8\n" /* the frame that would be resumed */
	"	mov	32(%r8), %rsp\n"
	"	sub	$128, %rsp\n"
	"	push	136(%r8)\n" /* RIP */
	"	push	128(%r8)\n" /* RFLAGS */
	"	push	0(%r8)\n	push	8(%r8)\n	push	16(%r8)\n	push	24(%r8)\n"
	"	push	40(%r8)\n	push	48(%r8)\n	push	56(%r8)\n	push	64(%r8)\n"
	"	push	72(%r8)\n	push	80(%r8)\n	push	88(%r8)\n	push	96(%r8)\n"
	"	push	104(%r8)\n	push	112(%r8)\n	push	120(%r8)\n"
	"	mov	56(%r8), %rdi\n"
	"	mov	$9, %eax\n" /* EDECCSSA */
	"	enclu\n"
	"	pop	%r15\n	pop	%r14\n	pop	%r13\n	pop	%r12\n	pop	%r11\n	pop	%r10\n	pop	%r9\n	pop	%r8\n"
	"	pop	%rdi\n	pop	%rsi\n	pop	%rbp\n	pop	%rbx\n	pop	%rdx\n	pop	%rcx\n	pop	%rax\n"
	"	lock incq	(%rdi)\n"
	"	popfq\n"
	"	ret	$128\n"
	".balign 4096\n"
	".globl notify_code_end\n"
	"notify_code_end:\n"
	".popsection\n"
	".pushsection .text\n"
	".globl notify_enter\n"
	"notify_enter:\n"
	"	push	%rbx\n	push	%rbp\n	push	%r12\n	push	%r13\n	push	%r14\n	push	%r15\n"
	"	mov	%rdi, %rbx\n"
	"	mov	%rsi, %rdi\n"
	"	mov	%rdx, %rsi\n"
	"	lea	notify_aep(%rip), %rcx\n"
	"	mov	$2, %eax\n"
	"	enclu\n"
	"	mov	%rsi, %rax\n"
	"	pop	%r15\n	pop	%r14\n	pop	%r13\n	pop	%r12\n	pop	%rbp\n	pop	%rbx\n"
	"	ret\n"
	"notify_aep:\n"
	"	enclu\n"
	"	ud2\n"
	".popsection\n");

int main(int argc, char **argv)
{
	static uint8_t data[PAGE] __attribute__((aligned(PAGE)));
	static struct enclave enclave;
	struct enclave_options options = { .attributes = ATTRIBUTE_AEXNOTIFY, .tcs_flags = TCS_AEXNOTIFY };
	struct visit visit;
	uint64_t rounds = argc == 2 ? strtoul(argv[1], NULL, 0) : 0;
	uint32_t a, b, c, d;

	__cpuid_count(0x12, 1, a, b, c, d);
	(void)b, (void)c, (void)d;
	if (!(a & ATTRIBUTE_AEXNOTIFY))
		return 0; /* aex_notify.c */
	vdso_find();
	enclave_create(&enclave, 16ul << 20, &options);
	enclave_add(&enclave, 0, notify_code, PAGE, SECINFO_REG | SECINFO_R | SECINFO_X);
	enclave_add(&enclave, PAGE, data, PAGE, SECINFO_REG | SECINFO_R | SECINFO_W);
	enclave_add_thread(&enclave, 2 * PAGE, 0);
	enclave_init(&enclave);
	enclave_map(&enclave, 0, PAGE, PROT_READ | PROT_EXEC);
	enclave_map(&enclave, PAGE, (1 + THREAD_PAGES) * PAGE, PROT_READ | PROT_WRITE);
	visit = notify_enter(enclave.base + 2 * PAGE, enclave.base + PAGE, rounds);
	check_equal("the sum", rounds * (rounds + 1) / 2, visit.sum);
	check("the handler ran", visit.notifications > 1);
	return 0;
}
