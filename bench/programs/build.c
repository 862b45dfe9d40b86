/*
 * Building a large enclave: EADD and EEXTEND of every page, EINIT.
 *
 *   build MEBIBYTES
 *
 * Prints "build", nanoseconds of the ioctls; "measured", the bytes that went
 * into MRENCLAVE; and "tracer", the largest anonymous memory of the process that
 * traces this one while it was building, in KiB (0 when there is none). What
 * this program hashes for its own SIGSTRUCT is not in the time.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "check.h"

#define PIECE (64ul << 20)
#define MEASURED (64 + 16 * (64 + 256)) /* of a page: the records of EADD and 16 times EEXTEND, and its bytes */

static volatile int done;

/* The number after a name in /proc/PID/status; 0 when it cannot be read. */
static long status_of(const char *process, const char *name)
{
	char path[64], line[256];
	long value = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%s/status", process);
	file = fopen(path, "r");
	if (file == NULL)
		return 0;
	while (fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			value = atol(line + strlen(name));
	fclose(file);
	return value;
}

static void *watch(void *most)
{
	char tracer[32];

	snprintf(tracer, sizeof tracer, "%ld", status_of("self", "TracerPid:"));
	while (!done) {
		long now = status_of(tracer, "RssAnon:");

		if (now > *(long *)most)
			*(long *)most = now;
		usleep(20000);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t size = argument(argc, argv, 1, 64) << 20, took = 0, began;
	struct secinfo secinfo = { .flags = SECINFO_REG | SECINFO_R | SECINFO_W };
	struct enclave enclave;
	pthread_t watcher;
	long most = 0;
	uint64_t *source = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check("a power of two from 64", size >= PIECE && (size & (size - 1)) == 0);
	if (source == MAP_FAILED)
		die("map the source");
	for (uint64_t i = 0; i < PIECE / 8; i++)
		source[i] = i * 0x9e3779b97f4a7c15;
	pthread_create(&watcher, NULL, watch, &most);
	enclave_create(&enclave, size, NULL);
	for (uint64_t offset = 0; offset < size;) {
		struct sgx_enclave_add_pages argument = {
			.src = (uint64_t)source,
			.offset = offset,
			.length = PIECE,
			.secinfo = (uint64_t)&secinfo,
			.flags = SGX_PAGE_MEASURE,
		};

		began = now();
		if (ioctl(enclave.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &argument) != 0)
			die("SGX_IOC_ENCLAVE_ADD_PAGES");
		took += now() - began;
		check_equal("bytes added", PIECE, argument.count);
		for (uint64_t at = 0; at < PIECE; at += PAGE) {
			measurement_add_page(enclave.measurement, offset + at, secinfo.flags);
			measurement_extend_page(enclave.measurement, offset + at, (const uint8_t *)source + at);
		}
		offset += PIECE;
	}
	enclave_sign(&enclave);
	began = now();
	enclave_init(&enclave);
	took += now() - began;
	done = 1;
	pthread_join(watcher, NULL);
	report("build", (double)took);
	report("measured", (double)(size / PAGE * MEASURED));
	report("tracer", (double)most);
	return 0;
}
