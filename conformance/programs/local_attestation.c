/*
 * Local attestation: an enclave reports to another on the same machine.
 *
 * Hardware: EREPORT writes who the reporting enclave is, 64 bytes of its own
 * choice and an AES-CMAC over both under the report key of the target enclave,
 * which only the target can get, by EGETKEY with the KEYID from the report.
 * Source: SDM 3D, EREPORT and EGETKEY; "REPORT" and "TARGETINFO" structures.
 */
#include <string.h>

#include "check.h"
#include "keys.h"
#include "sign.h"

static void report_key(struct service *service, const struct report *report, uint8_t key[16])
{
	struct keyrequest request = { .key_name = KEY_REPORT };

	memcpy(request.key_id, report->key_id, sizeof request.key_id);
	check_equal("EGETKEY of the report key", SGX_SUCCESS, service_get_key(service, &request, key));
}

static bool verifies(struct service *service, const struct report *report)
{
	uint8_t key[16], mac[16];

	report_key(service, report, key);
	cmac(key, report, offsetof(struct report, key_id), mac);
	return memcmp(mac, report->mac, sizeof mac) == 0;
}

int main(void)
{
	static uint8_t data[2 * PAGE] __attribute__((aligned(4096)));
	struct service_options options = { .data_pages = 2, .data = data };
	static struct service prover, verifier, stranger;
	struct targetinfo target = { 0 };
	struct report report;
	uint8_t report_data[64], signer[32];

	for (unsigned i = 0; i < sizeof report_data; i++)
		report_data[i] = (uint8_t)(i * 7);
	data[0] = 1;
	options.enclave.isv_svn = 5;
	options.enclave.miscselect = MISCSELECT_EXINFO;
	service_build(&prover, &options);
	data[0] = 2;
	options.enclave.isv_svn = 0;
	options.enclave.miscselect = 0;
	service_build(&verifier, &options);
	data[0] = 3;
	service_build(&stranger, &options);

	memcpy(target.measurement, verifier.enclave.sigstruct.enclave_hash, sizeof target.measurement);
	target.attributes = verifier.enclave.secs.attributes | ATTRIBUTE_INIT;
	target.xfrm = verifier.enclave.secs.xfrm;
	service_report(&prover, &target, report_data, &report);

	check_bytes("REPORT.MRENCLAVE", prover.enclave.sigstruct.enclave_hash, report.mrenclave, 32);
	sigstruct_signer(&prover.enclave.sigstruct, signer);
	check_bytes("REPORT.MRSIGNER", signer, report.mrsigner, 32);
	check_bytes("REPORT.REPORTDATA", report_data, report.report_data, 64);
	check_equal("REPORT.ATTRIBUTES", ATTRIBUTE_INIT | ATTRIBUTE_MODE64BIT, report.attributes);
	check_equal("REPORT.XFRM", XFRM_LEGACY, report.xfrm);
	check_equal("REPORT.MISCSELECT", MISCSELECT_EXINFO, report.miscselect);
	check_equal("REPORT.ISVSVN", 5, report.isv_svn);

	check("the target can verify the report", verifies(&verifier, &report));
	check("another enclave cannot", !verifies(&stranger, &report));
	report.report_data[0] ^= 1;
	check("a changed report does not verify", !verifies(&verifier, &report));
	return 0;
}
