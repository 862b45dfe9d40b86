/*
 * Who may execute pages added at run time: the key "enclave_execdirty".
 *
 * "Executing dirty pages would only be allowed for these specific enclaves",
 * identified by "enclave properties like MRENCLAVE and MRSIGNER", "introducing a
 * new enclave_execdirty key that contains these properties". For them
 * "vm_max_prot_bits will be initialized to reflect allowed permissions, RWX if
 * the enclave is so allowed", and "EAUG pages can be made executable using
 * SGX_IOC_ENCLAVE_RELAX_PERMISSIONS"; for others that is EPERM (seed 001). In V3,
 * where the kernel tracks no permissions, it is mprotect that refuses: EACCES.
 *
 * Arguments: none: the key is added by add_key; "mrenclave": prints it;
 * "allowed", "refused": what a policy file said, see execute_dirty.run.
 *
 * Uapi: edmm-v2 edmm-v3
 */
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "edmm.h"

#define KEY_SPEC_PROCESS_KEYRING (-2)

static long add_key(const char *text)
{
	return syscall(SYS_add_key, "enclave_execdirty", "test", text, strlen(text), KEY_SPEC_PROCESS_KEYRING);
}

static char *digest_line(char *line, const char *word, const uint8_t *digest)
{
	int length = sprintf(line, "%s ", word);

	for (int i = 0; i < 32; i++)
		length += sprintf(line + length, "%02x", digest[i]);
	sprintf(line + length, "\n");
	return line;
}

static int relax(struct service *service, uint64_t page, uint64_t permissions)
{
#ifdef UAPI_EDMM_V2
	struct secinfo secinfo = { .flags = permissions };
	struct sgx_enclave_relax_perm argument = {
		.offset = page - service->enclave.base,
		.length = PAGE,
		.secinfo = (uint64_t)&secinfo,
	};

	return ioctl(service->enclave.fd, SGX_IOC_ENCLAVE_RELAX_PERMISSIONS, &argument);
#else
	(void)service;
	return mprotect((void *)page, PAGE, (int)permissions);
#endif
}

/* A new page of the enclave becomes executable, or does not. */
static void try_executing(struct service *service, uint64_t page, bool allowed)
{
	/* mov eax, 77; jmp *r11 */
	static const uint8_t code[] = { 0xb8, 77, 0, 0, 0, 0x41, 0xff, 0xe3 };
	struct call jump = { .operation = OP_JUMP, .a = page };
	struct sgx_enclave_run run;

	check_equal("EACCEPT", SGX_SUCCESS,
		    service_accept(service, 0, EACCEPT, EDMM_RW | SECINFO_PENDING, page, 0));
	service_do(service, 0, OP_COPY, page, (uint64_t)code, sizeof code, 0);
	service_accept(service, 0, EMODPE, EDMM_RWX, page, 0);
	check_errno("making the page executable",
		    allowed ? 0 : strcmp(UAPI, "edmm-v2") == 0 ? EPERM : EACCES,
		    relax(service, page, SECINFO_R | SECINFO_W | SECINFO_X));
	if (allowed) {
		check_equal("what the code returned", 77, service_call(service, 0, &jump));
	} else {
		service_expect_exception(service, 0, &jump, "a jump to it", VECTOR_PF, &run);
		check_equal("error code: not the EPCM's", 0, run.exception_error_code & PFEC_SGX);
		service_abandon(service, 0);
	}
}

static void build(struct service *service, uint16_t isv_svn, bool executable_room)
{
	struct service_options options = { .enclave.isv_svn = isv_svn };

	service_build(service, &options);
	if (!executable_room)
		enclave_map(&service->enclave, service->room - service->enclave.base,
			    service->enclave.size - (service->room - service->enclave.base), PROT_READ | PROT_WRITE);
}

int main(int count, char **arguments)
{
	static struct service first, second;
	uint8_t signer[32];
	char line[128];

	/* In V2 the page table decides under a mapping of RWX; in V3 the mapping does. */
	bool wide = strcmp(UAPI, "edmm-v2") == 0;

	build(&first, 0, wide);
	if (count > 1 && strcmp(arguments[1], "mrenclave") == 0) {
		printf("%s", digest_line(line, "mrenclave", first.enclave.sigstruct.enclave_hash));
		return 0;
	}
	if (count > 1) {
		try_executing(&first, first.room, strcmp(arguments[1], "allowed") == 0);
		return 0;
	}

	check_errno("add_key of nonsense", EINVAL, add_key("everybody\n"));
	check_errno("add_key of half a digest", EINVAL, add_key("mrenclave 00ff\n"));
	if (wide)
		try_executing(&first, first.room, false);

	/* By MRENCLAVE: an enclave with another base content is another. */
	digest_line(line, "mrenclave", first.enclave.sigstruct.enclave_hash);
	check("add_key", add_key(line) > 0);
	try_executing(&first, first.room + PAGE, true);

	static uint8_t other[PAGE] __attribute__((aligned(4096))) = { 1 };
	struct service_options options = { .data = other };

	service_build(&second, &options);
	if (!wide)
		enclave_map(&second.enclave, second.room - second.enclave.base,
			    second.enclave.size - (second.room - second.enclave.base), PROT_READ | PROT_WRITE);
	try_executing(&second, second.room, false);

	/* By MRSIGNER: the SHA-256 of the modulus. */
	SHA256(second.enclave.sigstruct.modulus, sizeof second.enclave.sigstruct.modulus, signer);
	digest_line(line, "mrsigner", signer);
	check("add_key", add_key(line) > 0);
	try_executing(&second, second.room + PAGE, true);
	return 0;
}
