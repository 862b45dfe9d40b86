/*
 * AEX-Notify: an enclave learns that it was interrupted.
 *
 * Hardware: with ATTRIBUTES.AEXNOTIFY (CPUID leaf 0x12.1 EAX bit 10),
 * TCS.FLAGS.AEXNOTIFY and bit 0 of GPRSGX.AEXNOTIFY in the frame to be resumed,
 * ERESUME does not resume: it enters at TCS.OENTRY as EENTER does, with the
 * frame still taken and CSSA in RAX. The enclave goes on by EDECCSSA, or leaves.
 * All threads of such an enclave must have the flag. Where the attribute is not
 * offered, ECREATE refuses it.
 * Source: SDM 3D, ERESUME; TCS.FLAGS; GPRSGX.AEXNOTIFY; "Asynchronous Enclave
 * Exit Notify".
 */
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>

#include "check.h"
#include "service.h"

/* GPRSGX.AEXNOTIFY in a thread's first SSA frame. */
#define NOTIFY (THREAD_SSA + PAGE - sizeof(struct gprsgx) + offsetof(struct gprsgx, aexnotify))

extern const char trap_code[], trap_code_end[];

__asm__(".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl trap_code\n"
	"trap_code:\n"
	"	ud2\n"
	"	mov	$55, %eax\n"
	"	jmp	*%r11\n"
	".balign 4096\n"
	".globl trap_code_end\n"
	"trap_code_end:\n"
	".popsection\n");

static void not_offered(void)
{
	uint64_t base = enclave_reserve(0, 16 * PAGE);
	struct secs secs = {
		.size = 16 * PAGE,
		.base = base,
		.ssa_frame_size = 1,
		.attributes = ATTRIBUTE_MODE64BIT | ATTRIBUTE_AEXNOTIFY,
		.xfrm = XFRM_LEGACY,
	};
	struct sgx_enclave_create create = { .src = (uint64_t)&secs };

	check_errno("CREATE with an attribute that is not offered", EIO,
		    ioctl(open("/dev/sgx_enclave", O_RDWR), SGX_IOC_ENCLAVE_CREATE, &create));
}

int main(void)
{
	struct service_options options = {
		.enclave = { .attributes = ATTRIBUTE_AEXNOTIFY, .tcs_flags = TCS_AEXNOTIFY },
		.threads = 2,
		.code = trap_code,
		.code_length = (uint64_t)(trap_code_end - trap_code),
	};
	static struct service service;
	struct call trap = { .operation = OP_JUMP };
	struct call seen = { .operation = OP_CSSA, .result = 99 };
	struct call skip = { .operation = OP_EXCEPTION, .a = 2 };
	struct sgx_enclave_run run;
	uint64_t thread;
	uint8_t bit = 1;
	uint32_t a, b, c, d;

	__cpuid_count(0x12, 1, a, b, c, d);
	(void)b, (void)c, (void)d;
	if (!(a & ATTRIBUTE_AEXNOTIFY)) {
		not_offered();
		return 0;
	}
	service_build(&service, &options);
	thread = service_tcs(&service, 1);
	trap.a = service.code;

	/* Without the frame's bit, ERESUME resumes. */
	service_try(&service, thread, &trap, EENTER, &run);
	check_equal("UD2", VECTOR_UD, run.exception_vector);
	service_try(&service, thread, &skip, EENTER, &run);
	check_equal("RIP in the frame", service.code, skip.result);
	service_try(&service, thread, NULL, ERESUME, &run);
	check_equal("how the resumed code left", EEXIT, run.function);
	check_equal("what it returned", 55, trap.result);

	/* With it, ERESUME enters: RDI is what the host passes, as with EENTER. */
	trap.result = 0;
	service_try(&service, thread, &trap, EENTER, &run);
	check_equal("UD2", VECTOR_UD, run.exception_vector);
	service_try(&service, thread, &skip, EENTER, &run);
	service_do(&service, 0, OP_COPY, thread + NOTIFY, (uint64_t)&bit, 1, 0);
	service_try(&service, thread, &seen, ERESUME, &run);
	check_equal("how the notified code left", EEXIT, run.function);
	check_equal("CSSA in the notified code", 1, seen.result);
	check_equal("what the interrupted code has returned", 0, trap.result);

	/* The bit is taken back: the next ERESUME resumes. */
	bit = 0;
	service_do(&service, 0, OP_COPY, thread + NOTIFY, (uint64_t)&bit, 1, 0);
	service_try(&service, thread, NULL, ERESUME, &run);
	check_equal("how the resumed code left", EEXIT, run.function);
	check_equal("what it returned", 55, trap.result);
	return 0;
}
