/*
 * A quote by AESM's socket, as programs get it that speak to it themselves.
 *
 * A machine with SGX has the service at /var/run/aesmd/aesm.socket: a length of
 * four bytes, a protobuf message of one field, one request for each connection.
 * InitQuoteEx gives the TARGETINFO of the quoting enclave, GetQuoteEx a quote of
 * a REPORT that was made for it, padded to the buffer, and a REPORT of the
 * quoting enclave for the enclave that asked, over the nonce and the quote. A
 * REPORT with one other bit is refused with 48, of which Intel's client makes
 * SGX_ERROR_MAC_MISMATCH. What is no message ends the connection, and the
 * service goes on.
 * Source: intel/linux-sgx, psw/ae/aesm_service/source/core/ipc (messages.proto,
 * SocketConfig.h), psw/ae/inc/internal/aesm_error.h; DCAP,
 * QuoteGeneration/quote_wrapper (qe_logic.cpp, sgx_quote_3.h); QPL's
 * /etc/sgx_default_qcnl.conf: qcnl/linux.
 *
 * aesm_quote.run runs it: [FILE to write the quote to [STATUS that the TCB
 * information has for this platform, or nothing [debug, for such an enclave]]].
 */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"
#include "keys.h"
#include "sign.h"

#define SOCKET_PATH "/var/run/aesmd/aesm.socket"
#define QUOTE_BUFFER 8192
#define KEY_ID 256

enum { INIT = 15, SIZE = 16, GET = 17, SELECT = 19, UNSUPPORTED = 20, NUMBER = 21, LIST = 22 };

struct message {
	uint8_t bytes[2 * QUOTE_BUFFER];
	size_t length;
};

struct answer {
	unsigned kind;
	struct message body;
};

static void put_number(struct message *message, uint64_t value)
{
	for (; value > 0x7f; value >>= 7)
		message->bytes[message->length++] = (uint8_t)(value | 0x80);
	message->bytes[message->length++] = (uint8_t)value;
}

static void put_integer(struct message *message, unsigned field, uint64_t value)
{
	put_number(message, field << 3);
	put_number(message, value);
}

static void put_bytes(struct message *message, unsigned field, const void *bytes, size_t length)
{
	put_number(message, field << 3 | 2);
	put_number(message, length);
	memcpy(message->bytes + message->length, bytes, length);
	message->length += length;
}

static uint64_t take_number(const struct message *message, size_t *at)
{
	uint64_t value = 0;

	for (unsigned shift = 0; *at < message->length; shift += 7) {
		uint8_t part = message->bytes[(*at)++];

		value |= (uint64_t)(part & 0x7f) << shift;
		if (!(part & 0x80))
			return value;
	}
	check("a number that ends", false);
	return 0;
}

/* The field of a message: its bytes, or NULL with its number in length. */
static const uint8_t *field(const struct message *message, unsigned number, size_t *length)
{
	for (size_t at = 0; at < message->length;) {
		uint64_t tag = take_number(message, &at), value = take_number(message, &at);
		const uint8_t *bytes = message->bytes + at;

		if ((tag & 7) == 2)
			at += value;
		if (tag >> 3 == number) {
			*length = value;
			return (tag & 7) == 2 ? bytes : NULL;
		}
	}
	*length = 0;
	return NULL;
}

static int connect_to(bool abstract)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path + abstract, abstract ? "sgx_aesm_socket_base" : SOCKET_PATH);
	if (s < 0)
		die("socket");
	check_errno("connect to AESM", 0,
		    connect(s, (struct sockaddr *)&address,
			    abstract ? sizeof address : sizeof(sa_family_t) + strlen(SOCKET_PATH) + 1));
	return s;
}

static bool read_all(int s, void *into, size_t length)
{
	for (size_t at = 0; at < length;) {
		ssize_t now = read(s, (uint8_t *)into + at, length - at);

		if (now <= 0)
			return false;
		at += (size_t)now;
	}
	return true;
}

/* Sends raw bytes; false when the connection ends without an answer. */
static bool exchange(bool abstract, const void *request, size_t length, struct answer *answer)
{
	struct message outer = { .length = 0 };
	uint32_t count;
	size_t at = 0;
	int s = connect_to(abstract);
	bool answered;

	if (write(s, request, length) != (ssize_t)length)
		die("write to AESM");
	answered = read_all(s, &count, sizeof count);
	if (answered) {
		check("an answer of a legal length", count <= sizeof outer.bytes && read_all(s, outer.bytes, count));
		outer.length = count;
		answer->kind = (unsigned)(take_number(&outer, &at) >> 3);
		answer->body.length = take_number(&outer, &at);
		check_equal("the answer is one field", outer.length, at + answer->body.length);
		memcpy(answer->body.bytes, outer.bytes + at, answer->body.length);
	}
	close(s);
	return answered;
}

/* Asks; returns AESM's error. */
static uint64_t ask(bool abstract, unsigned kind, const struct message *body, struct answer *answer)
{
	static struct message request;
	uint32_t count;
	size_t error;

	request.length = sizeof count;
	put_bytes(&request, kind, body->bytes, body->length);
	count = (uint32_t)(request.length - sizeof count);
	memcpy(request.bytes, &count, sizeof count);
	check("an answer", exchange(abstract, request.bytes, request.length, answer));
	check("errorCode", field(&answer->body, 1, &error) == NULL);
	check_equal("the kind of answer", kind == SIZE || kind == INIT || kind == GET || kind == SELECT || kind == NUMBER || kind == LIST ? kind : UNSUPPORTED, answer->kind);
	return error;
}

static void key_id(uint8_t id[KEY_ID])
{
	static const uint8_t signer[32] = {
		0x8c, 0x4f, 0x57, 0x75, 0xd7, 0x96, 0x50, 0x3e, 0x96, 0x13, 0x7f, 0x77, 0xc6, 0x8a, 0x82, 0x9a,
		0x00, 0x56, 0xac, 0x8d, 0xed, 0x70, 0x14, 0x0b, 0x08, 0x1b, 0x09, 0x44, 0x90, 0xc5, 0x7b, 0xff,
	};

	memset(id, 0, KEY_ID);
	id[4] = sizeof signer;
	memcpy(id + 6, signer, sizeof signer);
	id[54] = 1;
	id[154] = 2;
}

static void looks(void)
{
	struct stat status;
	char line[512] = "";
	FILE *file = fopen("/etc/sgx_default_qcnl.conf", "r");
	bool found = false;

	check_errno("stat of the socket", 0, stat(SOCKET_PATH, &status));
	check("it is a socket", S_ISSOCK(status.st_mode));
	check_errno("access to the socket", 0, access(SOCKET_PATH, R_OK | W_OK));
	check("SGX_AESM_ADDR is set", getenv("SGX_AESM_ADDR") != NULL);
	check("the collateral client's configuration is there", file != NULL);
	while (file != NULL && fgets(line, sizeof line, file) != NULL)
		found |= strstr(line, "\"pccs_url\": \"http://127.0.0.1:") != NULL;
	check("it names a service on this machine", found);
	fclose(file);
}

static void keys(void)
{
	static struct answer answer;
	struct message body = { .length = 0 };
	uint8_t id[KEY_ID];
	size_t length;
	const uint8_t *bytes;

	key_id(id);
	check_equal("GetSupportedAttKeyIDNum", 0, ask(false, NUMBER, &body, &answer));
	field(&answer.body, 2, &length);
	check_equal("one kind of key", 1, length);
	put_integer(&body, 1, KEY_ID);
	check_equal("GetSupportedAttKeyIDs", 0, ask(true, LIST, &body, &answer));
	bytes = field(&answer.body, 2, &length);
	check_equal("its length", KEY_ID, length);
	check_bytes("the kind of key", id, bytes, KEY_ID);
	body.length = 0;
	check_equal("SelectAttKeyID", 0, ask(false, SELECT, &body, &answer));
	check_bytes("the kind of key", id, field(&answer.body, 2, &length), KEY_ID);
	id[6] ^= 1;
	put_bytes(&body, 1, id, KEY_ID);
	check_equal("another kind of key", 38, ask(false, SIZE, &body, &answer));
	body.length = 0;
	check_equal("what was removed", 30, ask(false, 1, &body, &answer));
}

/* What is no message, and what never comes, ends one connection. */
static void garbage(void)
{
	static struct answer answer;
	static const uint8_t huge[] = { 0xff, 0xff, 0xff, 0xff, 1, 2, 3 }, garbled[] = { 5, 0, 0, 0, 0x7a, 0xff, 0xff, 0xff, 0x0f };
	int many[64];

	check("a length of 4 GiB is not answered", !exchange(false, huge, sizeof huge, &answer));
	check("a field beyond the message is not answered", !exchange(false, garbled, sizeof garbled, &answer));
	for (unsigned i = 0; i < sizeof many / sizeof *many; i++)
		many[i] = connect_to(i % 2);
	keys();
	for (unsigned i = 0; i < sizeof many / sizeof *many; i++)
		close(many[i]);
}

static size_t get_quote(const struct report *report, const uint8_t information[960], uint8_t *quote, uint8_t qe_report[432], uint64_t expected)
{
	static struct answer answer;
	static struct message body;
	uint8_t id[KEY_ID];
	size_t length = 0, more;
	const uint8_t *bytes;

	key_id(id);
	body.length = 0;
	put_bytes(&body, 1, report, sizeof *report);
	put_bytes(&body, 2, id, KEY_ID);
	put_bytes(&body, 3, information, 960);
	put_integer(&body, 4, QUOTE_BUFFER);
	check_equal("GetQuoteEx", expected, ask(false, GET, &body, &answer));
	bytes = field(&answer.body, 2, &length);
	if (expected == 0) {
		check_equal("the quote fills the buffer", QUOTE_BUFFER, length);
		memcpy(quote, bytes, length);
		bytes = field(&answer.body, 3, &more);
		check_equal("QE_REPORT_INFO", 960, more);
		memcpy(qe_report, bytes + 528, 432);
		memcpy(&more, quote + 432, 4);
		length = 436 + (more & 0xffffffff);
	} else {
		check_equal("no quote", 0, length);
	}
	return length;
}

/* By HTTP/1.1, from the service that the configuration names. */
static void check_status(const char *fmspc, const char *status)
{
	static char text[1 << 16];
	char line[512], *at;
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	FILE *file = fopen("/etc/sgx_default_qcnl.conf", "r");
	size_t length = 0;
	ssize_t now;
	int s = socket(AF_INET, SOCK_STREAM, 0);

	while (fgets(line, sizeof line, file) != NULL)
		if ((at = strstr(line, "127.0.0.1:")) != NULL)
			address.sin_port = htons((uint16_t)atoi(at + 10));
	fclose(file);
	check_errno("connect to the certificate service", 0, connect(s, (struct sockaddr *)&address, sizeof address));
	snprintf(line, sizeof line, "GET /sgx/certification/v4/tcb?fmspc=%s HTTP/1.1\r\nHost: localhost\r\n\r\n", fmspc);
	if (write(s, line, strlen(line)) < 0)
		die("write to the certificate service");
	while (length < sizeof text - 1 && (now = read(s, text + length, sizeof text - 1 - length)) > 0)
		length += (size_t)now;
	close(s);
	snprintf(line, sizeof line, "\"tcbStatus\":\"%s\"", status);
	check("TCB information for this platform", strstr(text, " 200 ") != NULL && strstr(text, "\r\nTCB-Info-Issuer-Chain: ") != NULL);
	check("it has the status", strstr(text, line) != NULL);
}

int main(int argc, char **argv)
{
	static uint8_t quote[QUOTE_BUFFER], data[2 * PAGE] __attribute__((aligned(4096)));
	static struct answer answer;
	struct service_options options = { .data_pages = 2, .data = data };
	static struct service service;
	struct message body = { .length = 0 };
	struct targetinfo target;
	struct report report, wrong, qe_report;
	uint8_t id[KEY_ID], report_data[64] = "hello", information[960] = { 0 }, hash[32], key[16], mac[16];
	struct keyrequest request = { .key_name = KEY_REPORT };
	size_t length;
	uint8_t seen[32];

	looks();
	keys();
	options.enclave.attributes = argc > 3 ? ATTRIBUTE_DEBUG : 0;
	service_build(&service, &options);

	key_id(id);
	put_bytes(&body, 1, id, KEY_ID);
	put_integer(&body, 3, 1);
	put_integer(&body, 4, 32);
	check_equal("InitQuoteEx", 0, ask(false, INIT, &body, &answer));
	memcpy(&target, field(&answer.body, 2, &length), sizeof target);
	check_equal("TARGETINFO", sizeof target, length);
	memcpy(hash, field(&answer.body, 4, &length), sizeof hash);
	check_equal("the hash of the attestation key", 32, length);
	service_report(&service, &target, report_data, &report);

	/* The nonce, and for whom the quoting enclave is to report. */
	memcpy(information, "a nonce of 16 by", 16);
	memcpy(information + 16, service.enclave.sigstruct.enclave_hash, 32);
	target = (struct targetinfo){ .attributes = service.enclave.secs.attributes | ATTRIBUTE_INIT, .xfrm = service.enclave.secs.xfrm };
	memcpy(target.measurement, service.enclave.sigstruct.enclave_hash, 32);
	memcpy(information + 16, &target, sizeof target);

	length = get_quote(&report, information, quote, (uint8_t *)&qe_report, 0);
	check_bytes("the quote has the REPORT", &report, quote + 48, 384);
	memcpy(data, quote + 500, 64);
	memcpy(data + 64, quote + 1014, 32);
	SHA256(data, 96, seen);
	check_bytes("the attestation key is the one that was told", hash, seen, sizeof hash);
	check_bytes("and the one that the quoting enclave reports", hash, quote + 564 + 320, sizeof hash);

	/* The quoting enclave's REPORT for this enclave: its MAC, and what it is over. */
	memcpy(request.key_id, qe_report.key_id, sizeof request.key_id);
	check_equal("EGETKEY of the report key", SGX_SUCCESS, service_get_key(&service, &request, key));
	cmac(key, &qe_report, offsetof(struct report, key_id), mac);
	check_bytes("the quoting enclave's REPORT is of this machine", mac, qe_report.mac, sizeof mac);
	check_bytes("it is the quoting enclave's", quote + 564 + 64, qe_report.mrenclave, 32);
	memcpy(data, information, 16);
	memcpy(data + 16, quote, length);
	SHA256(data, 16 + length, seen);
	check_bytes("it is over the nonce and the quote", seen, qe_report.report_data, sizeof seen);

	/* One bit. */
	for (unsigned bit = 0; bit < 8 * sizeof wrong; bit += 211) {
		wrong = report;
		((uint8_t *)&wrong)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		get_quote(&wrong, information, quote + QUOTE_BUFFER / 2, NULL, 48);
	}
	garbage();

	if (argc > 1) {
		FILE *file = fopen(argv[1], "wb");

		if (file == NULL || fwrite(quote, length, 1, file) != 1 || fclose(file) != 0)
			die("write the quote");
	}
	if (argc > 2 && *argv[2] != 0)
		check_status("00C10157E500", argv[2]);
	return 0;
}
