/*
 * Exceptions in a row, each handled in the enclave, whose handler has exceptions
 * itself: every register comes through, with one page to an SSA frame and with
 * two, with SSE and with AVX, on two threads at once.
 *
 * Hardware: an AEX saves RAX to R15, RFLAGS, FS and GS bases and the XSAVE state
 * that XFRM names, and ERESUME brings all of it back from the newest frame.
 * Source: SDM 3D, "Enclave Exiting Events", AEX flow; ERESUME.
 *
 * exception_row.run looks how often the program had to stop.
 */
#include <pthread.h>

#include "check.h"
#include "service.h"

#define THREADS 2
#define ROUNDS 50
#define FAULTS 4 /* of a round; where there are frames for it, as many in the handler */

extern const char faulting_code[], faulting_code_end[];

/* RSI = a seed, RDX = 0 for SSE, 1 for AVX. Fills registers and flags from the
 * seed, executes UD2 four times, and counts what is different afterwards. Uses
 * the stack page behind the SSA frames (R15 is the TCS in the service's code). */
__asm__(".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl faulting_code\n"
	"faulting_code:\n"
	"	mov	%rsp, %rax\n"
	"	lea	6 * 4096(%r15), %rsp\n"
	"	.irp r, rax, rbx, rbp, r11, r12, r13, r14, r15, rsi, rdx\n"
	"	push	%\\r\n"
	"	.endr\n"
	"	mov	%rsi, %rcx\n"
	"	.irp r, rax, rbx, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15, rcx\n"
	"	imul	$0x12345, %rcx, %rcx\n"
	"	add	%rsi, %rcx\n"
	"	mov	%rcx, %\\r\n"
	"	push	%\\r\n"
	"	.endr\n"
	"	test	%edx, %edx\n"
	"	jz	1f\n"
	"	vpcmpeqb %xmm0, %xmm0, %xmm0\n"
	"	vinsertf128 $1, %xmm0, %ymm0, %ymm15\n"
	"	vmovaps	%ymm15, %ymm7\n"
	"1:	movq	%rax, %xmm1\n"
	"	movq	%r15, %xmm14\n"
	"	pushq	%rax\n"
	"	andq	$0x8d5, (%rsp)\n" /* CF, PF, AF, ZF, SF, OF */
	"	orq	$0x202, (%rsp)\n" /* IF */
	"	popfq\n"
	"	ud2\n	ud2\n	ud2\n	ud2\n"
	"	pushfq\n"
	"	cld\n"
	/* From here RDX counts; what it was is on the stack. */
	"	mov	%rax, -16(%rsp)\n"
	"	andq	$0x8d5, -16(%rsp)\n"
	"	orq	$0x202, -16(%rsp)\n"
	"	xor	%edx, %edx\n"
	"	pop	%rsi\n"
	"	cmp	-24(%rsp), %rsi\n"
	"	je	1f\n"
	"	inc	%edx\n"
	"1:	movq	%xmm1, %rsi\n"
	"	cmp	%rax, %rsi\n"
	"	je	1f\n"
	"	inc	%edx\n"
	"1:	movq	%xmm14, %rsi\n"
	"	cmp	%r15, %rsi\n"
	"	je	1f\n"
	"	inc	%edx\n"
	"1:\n"
	"	.irp r, rcx, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rbx, rax\n"
	"	pop	%rsi\n"
	"	cmp	%\\r, %rsi\n"
	"	je	1f\n"
	"	inc	%edx\n"
	"1:\n"
	"	.endr\n"
	"	cmpl	$0, (%rsp)\n"
	"	je	1f\n"
	"	vptest	%ymm15, %ymm15\n"
	"	vpcmpeqb %xmm0, %xmm0, %xmm0\n"
	"	vinsertf128 $1, %xmm0, %ymm0, %ymm0\n"
	"	vptest	%ymm0, %ymm15\n" /* CF: all bits of ymm0 are set in ymm15 */
	"	adc	$0, %edx\n"
	"	dec	%edx\n"
	"	vptest	%ymm0, %ymm7\n"
	"	adc	$0, %edx\n"
	"	dec	%edx\n"
	"1:	mov	%edx, %eax\n"
	"	.irp r, rdx, rsi, r15, r14, r13, r12, r11, rbp, rbx, rsp\n"
	"	pop	%\\r\n"
	"	.endr\n"
	"	jmp	*%r11\n"
	".balign 4096\n"
	".globl faulting_code_end\n"
	"faulting_code_end:\n"
	".popsection\n");

struct work {
	struct service *service;
	unsigned thread;
	int avx;
	uint32_t frame_pages;
};

static void *rounds(void *argument)
{
	const struct work *work = argument;
	uint64_t tcs = service_tcs(work->service, work->thread);
	struct sgx_enclave_run run;

	for (uint64_t round = 0; round < ROUNDS; round++) {
		struct call faults = {
			.operation = OP_JUMP,
			.a = work->service->code,
			.b = (round + 1) * 0x9e3779b97f4a7c15u + work->thread,
			.c = (uint64_t)work->avx,
			.result = 99,
		};
		uint64_t seen = 0;

		service_try(work->service, tcs, &faults, EENTER, &run);
		for (; run.function == ERESUME; seen++) {
			check_equal("exception", VECTOR_UD, run.exception_vector);
			if (work->frame_pages == 1) {
				/* The handler reads an address where nothing is, and skips it. */
				struct call inner = { .operation = OP_READ, .a = 0 };
				struct sgx_enclave_run handler;

				service_try(work->service, tcs, &inner, EENTER, &handler);
				check_equal("the handler's exception", VECTOR_PF, handler.exception_vector);
				service_do(work->service, work->thread, OP_EXCEPTION, 3, 0, 1, 0);
				service_resume(work->service, work->thread);
			}
			service_do(work->service, work->thread, OP_EXCEPTION, 2, 0, work->frame_pages, 0);
			service_try(work->service, tcs, &faults, ERESUME, &run);
		}
		check_equal("how the enclave was left", EEXIT, run.function);
		check_equal("exceptions", FAULTS, seen);
		check_equal("registers that changed", 0, faults.result);
	}
	return NULL;
}

static void run_all(uint64_t xfrm, uint32_t frame_pages)
{
	struct service service;
	struct service_options options = {
		.enclave = { .xfrm = xfrm, .frame_pages = frame_pages },
		.threads = THREADS,
		.code = faulting_code,
		.code_length = (uint64_t)(faulting_code_end - faulting_code),
	};
	struct work work[THREADS];
	pthread_t threads[THREADS];

	service_build(&service, &options);
	for (unsigned i = 0; i < THREADS; i++) {
		work[i] = (struct work){ &service, i, (xfrm & 4) != 0, frame_pages };
		if (pthread_create(&threads[i], NULL, rounds, &work[i]) != 0)
			die("start a thread");
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	enclave_destroy(&service.enclave);
}

int main(void)
{
	run_all(0, 1);
	run_all(0, 2);
	__builtin_cpu_init();
	run_all(__builtin_cpu_supports("avx2") ? 7 : 0, 1);
	return 0;
}
