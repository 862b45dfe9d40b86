/*
 * What enclaves here are made of and signed with, through whichever interface
 * their pages are added.
 */
#include <stdlib.h>

#include "check.h"
#include "enclave.h"
#include "sign.h"

struct tcs thread_tcs(uint64_t offset, uint64_t entry)
{
	struct tcs tcs = { 0 };

	tcs.ossa = offset + THREAD_SSA;
	tcs.nssa = THREAD_NSSA;
	tcs.oentry = entry;
	tcs.fs_limit = 0xffffffff;
	tcs.gs_limit = 0xffffffff;
	return tcs;
}

void enclave_add_thread(struct enclave *enclave, uint64_t offset, uint64_t entry)
{
	struct tcs *tcs = aligned_alloc(PAGE, PAGE);

	if (tcs == NULL)
		die("allocate a TCS");
	*tcs = thread_tcs(offset, entry);
	tcs->nssa = THREAD_NSSA / enclave->secs.ssa_frame_size;
	tcs->flags = enclave->options.tcs_flags;
	enclave_add(enclave, offset, tcs, PAGE, SECINFO_TCS);
	enclave_add_unmeasured(enclave, offset + THREAD_SSA, THREAD_SIZE - THREAD_SSA,
			       SECINFO_REG | SECINFO_R | SECINFO_W);
	free(tcs);
}

void enclave_sign(struct enclave *enclave)
{
	struct sigstruct *sigstruct = &enclave->sigstruct;

	measurement_finish(enclave->measurement, sigstruct->enclave_hash);
	enclave->measurement = NULL;
	/* EINIT compares ATTRIBUTES & mask with the SIGSTRUCT's: all bits but DEBUG count. */
	sigstruct->attributes = enclave->secs.attributes & ~(uint64_t)ATTRIBUTE_DEBUG;
	sigstruct->attribute_mask = ~(uint64_t)ATTRIBUTE_DEBUG;
	sigstruct->xfrm = enclave->secs.xfrm;
	sigstruct->xfrm_mask = ~0ul;
	sigstruct->miscselect = enclave->secs.miscselect;
	sigstruct->miscmask = ~0u;
	sigstruct->isv_svn = enclave->options.isv_svn;
	sigstruct_sign(sigstruct);
}
