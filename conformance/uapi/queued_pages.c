/*
 * ADD_PAGE queues, a worker thread adds.
 *
 * "The enclave build process also utilizes the backing as temp storage [...] when
 * queueing pages to be added by the worker thread" (seed 003): the source may be
 * changed as soon as the call is back, and what a worker cannot do shows later,
 * in INIT. What can be seen at once is refused at once: EEXIST for an address
 * that has its page, EINVAL for a bad SECINFO or TCS.
 * Source: Linux v16, sgx_encl_add_page, sgx_add_page_worker, sgx_encl_init.
 *
 * Uapi: v16
 */
#include <errno.h>
#include <string.h>

#include "by_address.h"
#include "check.h"
#include "service.h"

#define REG_RW (SECINFO_REG | SECINFO_R | SECINFO_W)

int main(void)
{
	static uint8_t source[PAGE] __attribute__((aligned(4096)));
	static struct service service;
	struct enclave *enclave = &service.enclave;
	uint64_t offset;

	vdso_find();
	service_add(&service, NULL);
	offset = service.room - enclave->base;

	/* The contents are those at the time of the call. */
	memset(source, 7, sizeof source);
	enclave_add(enclave, offset, source, PAGE, REG_RW);
	memset(source, 9, sizeof source);
	check_errno("the same address again", EEXIST, by_address_add(enclave, offset, source, REG_RW, 0xffff));
	check_errno("an address in the middle of a page", EINVAL,
		    by_address_add(enclave, offset + PAGE + 8, source, REG_RW, 0xffff));
	check_errno("W without R", EINVAL,
		    by_address_add(enclave, offset + PAGE, source, SECINFO_REG | SECINFO_W, 0xffff));
	check_errno("a TCS with bits that must be 0", EINVAL,
		    by_address_add(enclave, offset + PAGE, source, SECINFO_TCS, 0xffff));
	enclave_init(enclave);
	service_map(&service);
	check_equal("the contents of the page that was queued", 0x0707070707070707,
		    service_do(&service, 0, OP_READ, service.room, 0, 0, 0));

	/* A measurement that is not the signed one: EINIT's code is what INIT returns. */
	enclave_destroy(enclave);
	service_add(&service, NULL);
	check_errno("a page that is not in the measurement", 0,
		    by_address_add(enclave, service.room - enclave->base, source, REG_RW, 0xffff));
	check_equal("INIT: SGX_INVALID_MEASUREMENT", 4, (uint64_t)by_address_init(enclave));
	return 0;
}
