/*
 * FS and GS inside an enclave are the thread's own.
 *
 * Hardware: EENTER sets the bases of FS and GS to the enclave's base plus
 * TCS.OFSBASE and TCS.OGSBASE, multiples of 4096; EEXIT and AEX bring back those of the host, and
 * ERESUME those that the enclave had, even where it changed them itself
 * (WRFSBASE). RDFSBASE and WRFSBASE are allowed inside.
 * Source: SDM 3D, EENTER, EEXIT, ERESUME; GPRSGX.FSBASE and GSBASE.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "service.h"

extern const char segment_code[], segment_code_end[];

/* RSI = where to write FS base, GS base and what is at FS:0 and GS:8; RDX = an
 * address to read, which faults; then FS base again goes to RAX, after WRFSBASE
 * had added 16. */
__asm__(".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl segment_code\n"
	"segment_code:\n"
	"	rdfsbase %rax\n"
	"	mov	%rax, (%rsi)\n"
	"	rdgsbase %rax\n"
	"	mov	%rax, 8(%rsi)\n"
	"	mov	%fs:0, %rax\n"
	"	mov	%rax, 16(%rsi)\n"
	"	mov	%gs:8, %rax\n"
	"	mov	%rax, 24(%rsi)\n"
	"	rdfsbase %rax\n"
	"	add	$16, %rax\n"
	"	wrfsbase %rax\n"
	"	mov	(%rdx), %rbx\n"
	"	rdfsbase %rax\n"
	"	jmp	*%r11\n"
	".balign 4096\n"
	".globl segment_code_end\n"
	"segment_code_end:\n"
	".popsection\n");

int main(void)
{
	static uint8_t data[3 * PAGE] __attribute__((aligned(4096)));
	static struct tcs tcs __attribute__((aligned(4096)));
	struct service_options options = {
		.data_pages = 3,
		.data = data,
		.code = segment_code,
		.code_length = (uint64_t)(segment_code_end - segment_code),
	};
	static struct service service;
	static __thread uint64_t of_the_host = 4242;
	uint64_t seen[4], place, thread;
	struct sgx_enclave_run run;

	memcpy(data, &(uint64_t){ 1001 }, 8);
	memcpy(data + PAGE + 8, &(uint64_t){ 2002 }, 8);
	vdso_find();
	service_add(&service, &options);

	/* A thread with bases of its own, behind the others. */
	place = service.room - service.enclave.base;
	thread = service.room;
	tcs = thread_tcs(place, 0);
	tcs.ofsbase = service.data - service.enclave.base;
	tcs.ogsbase = service.data - service.enclave.base + PAGE;
	enclave_add(&service.enclave, place, &tcs, PAGE, SECINFO_TCS);
	enclave_add_unmeasured(&service.enclave, place + PAGE, THREAD_SIZE - PAGE,
			       SECINFO_REG | SECINFO_R | SECINFO_W);
	service.room += THREAD_SIZE;
	enclave_init(&service.enclave);
	service_map(&service);

	for (int round = 0; round < 3; round++) {
		struct call call = {
			.operation = OP_JUMP,
			.a = service.code,
			.b = (uint64_t)seen,
			.c = service.data + 2 * PAGE,
		};

		if (mprotect((void *)(service.data + 2 * PAGE), PAGE, PROT_NONE) != 0)
			die("mprotect");
		check_equal("an access that faults", 0,
			    (uint64_t)service_try(&service, thread, &call, EENTER, &run));
		check_equal("exception", VECTOR_PF, run.exception_vector);
		check_equal("a thread-local variable of the host after AEX", 4242, of_the_host);
		check_equal("FS base inside", service.data, seen[0]);
		check_equal("GS base inside", service.data + PAGE, seen[1]);
		check_equal("what is at FS:0 inside", 1001, seen[2]);
		check_equal("what is at GS:8 inside", 2002, seen[3]);
		if (mprotect((void *)(service.data + 2 * PAGE), PAGE, PROT_READ | PROT_WRITE) != 0)
			die("mprotect");
		check_equal("ERESUME", 0, (uint64_t)service_try(&service, thread, NULL, ERESUME, &run));
		check_equal("how the enclave was left", EEXIT, run.function);
		check_equal("FS base that the enclave had set, after ERESUME", service.data + 16, call.result);
		check_equal("a thread-local variable of the host after EEXIT", 4242, of_the_host);
	}
	return 0;
}
