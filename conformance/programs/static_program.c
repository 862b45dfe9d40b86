/*
 * A static program without libc uses an enclave by inline system calls, inline
 * CPUID and inline ENCLU; nothing could be preloaded into it or hooked.
 *
 * Hardware and kernel: there is no more to SGX than these.
 * Source: Linux arch/x86/include/uapi/asm/sgx.h; SDM 3D, ENCLU.
 *
 * This program signs the enclave and starts parts/static_enclave.c with the
 * SIGSTRUCT as its standard input.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "measurement.h"
#include "parts/static_enclave.h"
#include "sign.h"

static void measure(struct measurement *measurement, uint64_t offset, const void *page, uint64_t flags)
{
	measurement_add_page(measurement, offset, flags);
	measurement_extend_page(measurement, offset, page);
}

int main(int argc, char **argv)
{
	struct sigstruct sigstruct = {
		.attributes = ATTRIBUTE_MODE64BIT,
		.attribute_mask = ~(uint64_t)ATTRIBUTE_DEBUG,
		.xfrm = XFRM_LEGACY,
		.xfrm_mask = ~0ul,
		.miscmask = ~0u,
	};
	struct measurement *measurement = measurement_create(1, STATIC_SIZE);
	char path[4096];
	const char *slash = strrchr(argv[0], '/');
	int ends[2];

	(void)argc;
	measure(measurement, 0, static_code, SECINFO_REG | SECINFO_R | SECINFO_X);
	measure(measurement, PAGE, &static_tcs, SECINFO_TCS);
	measure(measurement, 2 * PAGE, static_ssa, SECINFO_REG | SECINFO_R | SECINFO_W);
	measurement_finish(measurement, sigstruct.enclave_hash);
	sigstruct_sign(&sigstruct);

	if (pipe(ends) != 0 || write(ends[1], &sigstruct, sizeof sigstruct) != sizeof sigstruct ||
	    dup2(ends[0], 0) != 0)
		die("pass the SIGSTRUCT on");
	snprintf(path, sizeof path, "%.*s/static_enclave", slash ? (int)(slash - argv[0]) : 1,
		 slash ? argv[0] : ".");
	execl(path, path, (char *)NULL);
	die(path);
}
