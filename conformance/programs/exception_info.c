/*
 * What an enclave is told of its own page faults.
 *
 * Hardware: with MISCSELECT.EXINFO a #PF or #GP inside writes EXINFO to the SSA
 * frame: the full address and the error code; and EXITINFO is valid with its
 * vector. Without, EXITINFO is not valid for these two.
 * Source: SDM 3D, "MISC Region", "EXINFO Structure", "EXITINFO".
 */
#include <sys/mman.h>

#include "check.h"
#include "service.h"

/* In the first SSA frame of a thread. */
#define GPRSGX (THREAD_SSA + PAGE - sizeof(struct gprsgx))
#define EXINFO (GPRSGX - 16)

static uint64_t frame_word(struct service *service, uint64_t offset)
{
	return service_do(service, 0, OP_READ, service_tcs(service, 0) + offset, 0, 0, 0);
}

static void fault(struct service *service, const struct call *call)
{
	struct sgx_enclave_run run;
	struct call copy = *call;

	service_expect_exception(service, 0, &copy, "an access to a page mapped for nothing", VECTOR_PF, &run);
	check_equal("address that the host is told", call->a & ~(PAGE - 1), run.exception_addr);
}

int main(void)
{
	struct service_options with = { .enclave = { .miscselect = MISCSELECT_EXINFO }, .data_pages = 2 };
	struct service_options without = { .data_pages = 2 };
	static struct service told, untold;
	struct call call = { .operation = OP_WRITE };

	service_build(&told, &with);
	call.a = told.data + PAGE + 0x678;
	service_do(&told, 0, OP_WRITE, call.a, 1, 0, 0);
	if (mprotect((void *)(told.data + PAGE), PAGE, PROT_READ) != 0)
		die("mprotect");
	service_do(&told, 0, OP_READ, call.a, 0, 0, 0);
	fault(&told, &call);
	check_equal("EXINFO.MADDR", call.a, frame_word(&told, EXINFO));
	check_equal("EXINFO.ERRCD", PFEC_P | PFEC_W | PFEC_U, (uint32_t)frame_word(&told, EXINFO + 8));
	check_equal("EXITINFO", EXITINFO_VALID | EXITINFO_HARDWARE | VECTOR_PF,
		    (uint32_t)frame_word(&told, GPRSGX + offsetof(struct gprsgx, exitinfo)));
	check_equal("RIP in the frame is in the service's code", told.enclave.base,
		    frame_word(&told, GPRSGX + offsetof(struct gprsgx, rip)) & ~(PAGE - 1));

	service_build(&untold, &without);
	call.a = untold.data + PAGE + 0x678;
	if (mprotect((void *)(untold.data + PAGE), PAGE, PROT_NONE) != 0)
		die("mprotect");
	fault(&untold, &call);
	check_equal("EXITINFO without EXINFO", 0,
		    (uint32_t)frame_word(&untold, GPRSGX + offsetof(struct gprsgx, exitinfo)) & EXITINFO_VALID);
	check_equal("where EXINFO would be, without it", 0, frame_word(&untold, EXINFO));
	return 0;
}
