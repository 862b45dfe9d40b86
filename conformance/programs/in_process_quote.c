/*
 * Quotes and collateral by libraries, as programs get them that speak to no
 * service themselves: libsgx_dcap_ql, libsgx_quote_ex and libdcap_quoteprov,
 * found by their names, where no package has installed them.
 *
 * What each function checks, and with which number it refuses, is that of the
 * libraries' sources; a REPORT with one other bit is refused by number. What
 * they make for the caller is given back by their own functions. They may be
 * called by any thread, and by a child that was forked after they were loaded.
 * Collateral that is asked for again is the same: the service signs it when it
 * publishes it (Open Enclave, tests/attestation_plugin, compares the bytes).
 * Source: intel/SGXDataCenterAttestationPrimitives, QuoteGeneration/
 * quote_wrapper (ql/sgx_dcap_ql_wrapper.cpp, common/inc/sgx_ql_lib_common.h),
 * QuoteGeneration/qpl (sgx_default_quote_provider.cpp, inc); intel/linux-sgx,
 * psw/uae_service/sgx_uae_service.cpp, common/inc/sgx_error.h.
 *
 * in_process_quote.run runs it: FILE to write the quote to, FILE for the
 * collateral's TCB information [FMSPC of the platform].
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "keys.h"

#define KEY_ID 256
#define QUOTE_BUFFER 16384

struct collateral {
	uint16_t major, minor;
	uint32_t tee;
	struct {
		char *bytes;
		uint32_t size;
	} parts[7];
};

struct __attribute__((packed)) certificate_id {
	const uint8_t *qe;
	uint32_t qe_size;
	const uint8_t *cpusvn;
	const uint16_t *pcesvn;
	const uint8_t *ppid;
	uint32_t ppid_size;
	uint8_t suite;
	uint16_t pce;
};

struct __attribute__((packed)) configuration {
	uint32_t version;
	uint8_t cpusvn[16];
	uint16_t pcesvn;
	uint32_t size;
	char *certificates;
};

static void *quoting, *quote_ex, *provider;
static uint8_t key_id[KEY_ID];

static void *find(void *library, const char *name)
{
	void *function = dlsym(library, name);

	check(name, function != NULL);
	return function;
}

#define CALL(library, name, ...) (((uint32_t (*)())find(library, name))(__VA_ARGS__))

static void *load(const char *name)
{
	void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);

	if (library == NULL)
		fprintf(stderr, "%s\n", dlerror());
	check("the library is found by its name", library != NULL);
	return library;
}

static void load_all(void)
{
	struct stat status;

	quoting = load("libsgx_dcap_ql.so.1");
	quote_ex = load("libsgx_quote_ex.so.1");
	provider = load("libdcap_quoteprov.so");
	check("it is loaded once", load("libsgx_dcap_ql.so.1") == quoting);
	check("another is not found", dlopen("libsgx_nothing.so.1", RTLD_NOW) == NULL);
	check_errno("stat of a library", 0, stat("/usr/lib/x86_64-linux-gnu/libsgx_quote_ex.so.1", &status));
	check("it is a file that has something", S_ISREG(status.st_mode) && status.st_size > 0);
	check_errno("stat of a library where none is looked for", ENOENT, stat("/tmp/libsgx_quote_ex.so.1", &status));
}

static size_t length_of(const uint8_t *quote)
{
	uint32_t length;

	memcpy(&length, quote + 432, sizeof length);
	return 436 + length;
}

/* In process. */
static size_t quote_in_process(struct service *service, uint8_t *quote)
{
	struct targetinfo target;
	struct report report;
	uint8_t data[64] = "in process";
	uint32_t size = 0;

	check_equal("a policy", 0, CALL(quoting, "sgx_qe_set_enclave_load_policy", 1));
	check_equal("no such policy", 0xe00c, CALL(quoting, "sgx_qe_set_enclave_load_policy", 9));
	check_equal("a path", 0, CALL(quoting, "sgx_ql_set_path", 0, "/usr/lib/x86_64-linux-gnu/libsgx_qe3.signed.so.1"));
	check_equal("no TARGETINFO", 0xe002, CALL(quoting, "sgx_qe_get_target_info", NULL));
	check_equal("sgx_qe_get_target_info", 0, CALL(quoting, "sgx_qe_get_target_info", &target));
	check_equal("sgx_qe_get_quote_size", 0, CALL(quoting, "sgx_qe_get_quote_size", &size));
	check("a size", size > 1020 && size <= QUOTE_BUFFER);
	service_report(service, &target, data, &report);
	check_equal("too small", 0xe002, CALL(quoting, "sgx_qe_get_quote", &report, size - 1, quote));
	check_equal("sgx_qe_get_quote", 0, CALL(quoting, "sgx_qe_get_quote", &report, size, quote));
	check_equal("its size is the one that was told", size, length_of(quote));
	check_bytes("the quote has the REPORT", &report, quote + 48, 384);
	report.report_data[63] ^= 1;
	check_equal("one other bit", 0xe015, CALL(quoting, "sgx_qe_get_quote", &report, size, quote + QUOTE_BUFFER));
	check_equal("sgx_qe_cleanup_by_policy", 0, CALL(quoting, "sgx_qe_cleanup_by_policy"));
	return size;
}

/* AESM's client. */
static void quote_by_aesm(struct service *service, uint8_t *quote)
{
	struct targetinfo target, empty = { .attributes = 0 };
	struct report report;
	uint8_t data[64] = "by AESM", other[KEY_ID], hash[32], selected[KEY_ID];
	size_t hash_size = 7;
	uint32_t number = 0, size = 0;

	check_equal("sgx_get_supported_att_key_id_num", 0, CALL(quote_ex, "sgx_get_supported_att_key_id_num", &number));
	check_equal("one kind of key", 1, number);
	check_equal("sgx_get_supported_att_key_ids", 0, CALL(quote_ex, "sgx_get_supported_att_key_ids", key_id, 1));
	check_equal("sgx_select_att_key_id", 0, CALL(quote_ex, "sgx_select_att_key_id", NULL, 0, selected));
	check_bytes("the kind of key", key_id, selected, KEY_ID);
	check_equal("a size of nothing", 2, CALL(quote_ex, "sgx_select_att_key_id", NULL, 4, selected));
	check_equal("a list cut short", 2, CALL(quote_ex, "sgx_select_att_key_id", key_id, 5, selected));
	memcpy(other, key_id, KEY_ID);
	other[6] ^= 1;
	check_equal("another kind of key", 0x8001, CALL(quote_ex, "sgx_get_quote_size_ex", other, &size));
	check_equal("sgx_init_quote_ex, the size", 0, CALL(quote_ex, "sgx_init_quote_ex", key_id, &empty, &hash_size, NULL));
	check_equal("the size of the hash", 32, hash_size);
	check_equal("sgx_init_quote_ex", 0, CALL(quote_ex, "sgx_init_quote_ex", key_id, &target, &hash_size, hash));
	hash_size = 31;
	check_equal("too small", 2, CALL(quote_ex, "sgx_init_quote_ex", key_id, &target, &hash_size, hash));
	check_equal("sgx_get_quote_size_ex", 0, CALL(quote_ex, "sgx_get_quote_size_ex", key_id, &size));
	service_report(service, &target, data, &report);
	check_equal("sgx_get_quote_ex", 0, CALL(quote_ex, "sgx_get_quote_ex", &report, key_id, NULL, quote, size));
	check_equal("its size is the one that was told", size, length_of(quote));
	check_bytes("the attestation key is the one that was told", hash, quote + 564 + 320, 32);
	report.report_data[0] ^= 1;
	check_equal("one other bit", 0x3001, CALL(quote_ex, "sgx_get_quote_ex", &report, key_id, NULL, quote + QUOTE_BUFFER, size));
}

static struct collateral *get_collateral(const uint8_t fmspc[6], uint32_t expected)
{
	struct collateral *collateral = NULL;

	check_equal("sgx_ql_get_quote_verification_collateral", expected,
		    CALL(provider, "sgx_ql_get_quote_verification_collateral", fmspc, 6, "platform", &collateral));
	return collateral;
}

static void collateral(const uint8_t fmspc[6], const char *file)
{
	struct collateral *all = get_collateral(fmspc, 0), *more = NULL;
	struct configuration *configuration = NULL;
	uint8_t other[6] = { 0 }, *list = NULL, cpusvn[16], qe[16] = { 0 };
	uint16_t size = 0, pcesvn = 0xffff;
	uint32_t identity_size = 0, chain_size = 0;
	char *identity = NULL, *chain = NULL;
	struct certificate_id id = { .qe = qe, .qe_size = 16, .cpusvn = cpusvn, .pcesvn = &pcesvn };
	FILE *out = fopen(file, "w");

	check("version 3.1 of SGX", all->major == 3 && all->minor == 1 && all->tee == 0);
	for (unsigned i = 0; i < 7; i++)
		check("a part that ends with a zero", all->parts[i].size > 1 && all->parts[i].bytes[all->parts[i].size - 1] == 0);
	check("a chain", strncmp(all->parts[0].bytes, "-----BEGIN CERTIFICATE-----", 27) == 0);
	check("a list, DER", (uint8_t)all->parts[1].bytes[0] == 0x30);
	check("TCB information", strncmp(all->parts[4].bytes, "{\"tcbInfo\":{", 12) == 0);
	check("an identity", strncmp(all->parts[6].bytes, "{\"enclaveIdentity\":{", 20) == 0);
	if (out == NULL || fputs(all->parts[4].bytes, out) < 0 || fclose(out) != 0)
		die("write the TCB information");
	sleep(1);
	more = get_collateral(fmspc, 0);
	for (unsigned i = 0; i < 7; i++) {
		check_equal("size of what was published", all->parts[i].size, more->parts[i].size);
		check_bytes("what was published and not made anew", all->parts[i].bytes, more->parts[i].bytes, all->parts[i].size);
	}
	check_equal("given back", 0, CALL(provider, "sgx_ql_free_quote_verification_collateral", more));
	check_equal("with a parameter", 0,
		    CALL(provider, "sgx_ql_get_quote_verification_collateral_with_params", fmspc, 6, "processor", "x", 1, &more));
	check("it is another", more != all);
	check_equal("given back", 0, CALL(provider, "sgx_ql_free_quote_verification_collateral", more));
	check_equal("given back", 0, CALL(provider, "sgx_ql_free_quote_verification_collateral", all));
	check_equal("nothing given back", 0, CALL(provider, "sgx_ql_free_quote_verification_collateral", NULL));
	get_collateral(other, 0xe062);
	check_equal("a size that is wrong", 0xe002, CALL(provider, "sgx_ql_get_quote_verification_collateral", fmspc, 5, "platform", &more));
	check_equal("no such authority", 0xe002, CALL(provider, "sgx_ql_get_quote_verification_collateral", fmspc, 6, "nobody", &more));

	check_equal("sgx_ql_get_root_ca_crl", 0, CALL(provider, "sgx_ql_get_root_ca_crl", &list, &size));
	check("a list, DER", size > 1 && list[0] == 0x30);
	check_equal("given back", 0, CALL(provider, "sgx_ql_free_root_ca_crl", list));
	check_equal("sgx_ql_get_qve_identity", 0, CALL(provider, "sgx_ql_get_qve_identity", &identity, &identity_size, &chain, &chain_size));
	check("of the QvE", strstr(identity, "\"id\":\"QVE\"") != NULL && strlen(identity) + 1 == identity_size && strlen(chain) + 1 == chain_size);
	check_equal("given back", 0, CALL(provider, "sgx_ql_free_qve_identity", identity, chain));

	memset(cpusvn, 0xff, sizeof cpusvn);
	check_equal("sgx_ql_get_quote_config", 0, CALL(provider, "sgx_ql_get_quote_config", &id, &configuration));
	check("a chain", configuration->version == 1 && strlen(configuration->certificates) + 1 == configuration->size);
	check_equal("given back", 0, CALL(provider, "sgx_ql_free_quote_config", configuration));
	memset(cpusvn, 0, sizeof cpusvn);
	check_equal("older than any", 0xe049, CALL(provider, "sgx_ql_get_quote_config", &id, &configuration));
}

/* A pointer to nothing ends the call, and not the program. */
static void wild(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(page + 4096, 4096);
	check_equal("memory that is not there", 0xe040, CALL(quoting, "sgx_qe_get_target_info", page + 4096));
	check_equal("memory half of which is there", 0xe040, CALL(quoting, "sgx_qe_get_target_info", page + 4096 - 100));
	check_equal("memory that was not given", 0xe002, CALL(provider, "sgx_ql_free_root_ca_crl", page + 64));
	strcpy(page + 4096 - 9, "platform");
	check_equal("a text at the end of memory", 0xe062, CALL(provider, "sgx_ql_get_quote_verification_collateral", page, 6, page + 4096 - 9, page + 64));
}

static void *many(void *argument)
{
	struct targetinfo target, again;

	(void)argument;
	check_equal("in another thread", 0, CALL(quoting, "sgx_qe_get_target_info", &target));
	for (unsigned i = 0; i < 20; i++) {
		check_equal("beside others", 0, CALL(quoting, "sgx_qe_get_target_info", &again));
		check_bytes("the same for all", &target, &again, sizeof target);
	}
	return NULL;
}

static void threads_and_children(void)
{
	pthread_t threads[4];
	int status;

	for (unsigned i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, many, NULL);
	for (unsigned i = 0; i < 10; i++) {
		pid_t child = fork();

		/* Every other one is killed, wherever it is. */
		if (child == 0) {
			do
				many(NULL);
			while (i % 2);
			_exit(0);
		}
		if (i % 2) {
			usleep(2000 * i);
			kill(child, SIGKILL);
		}
		check("a child ended", waitpid(child, &status, 0) == child);
		check("as it had to", i % 2 ? WIFSIGNALED(status) : status == 0);
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	many(NULL);
}

int main(int argc, char **argv)
{
	static uint8_t quote[2 * QUOTE_BUFFER];
	static struct service service;
	struct service_options options = { .data_pages = 2 };
	uint8_t fmspc[6];
	size_t length;
	FILE *file;

	if (argc < 4 || sscanf(argv[3], "%2hhx%2hhx%2hhx%2hhx%2hhx%2hhx", fmspc, fmspc + 1, fmspc + 2, fmspc + 3, fmspc + 4, fmspc + 5) != 6)
		die("arguments");
	load_all();
	service_build(&service, &options);
	quote_by_aesm(&service, quote);
	length = quote_in_process(&service, quote);
	collateral(fmspc, argv[2]);
	wild();
	threads_and_children();
	file = fopen(argv[1], "wb");
	if (file == NULL || fwrite(quote, length, 1, file) != 1 || fclose(file) != 0)
		die("write the quote");
	return 0;
}
