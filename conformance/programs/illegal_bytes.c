/*
 * An illegal instruction stays what it is: the enclave's #UD handler reads it
 * where SSA.RIP points, and every later execution of it is #UD again.
 *
 * Hardware: #UD changes nothing in memory. Handlers tell by the bytes what to
 * emulate: 0f a2 is CPUID, 0f 05 is SYSCALL.
 * Here: more such instructions than a processor has breakpoints, executed by
 * several threads at once, then in a child of fork, and after their page was
 * read by EACCEPTCOPY. A code page with only a few of them reads as it was
 * written before any is executed.
 * Source: SDM 3D, "Illegal Instructions"; Gramine, pal/src/host/linux-sgx/
 * pal_exception.c, handle_ud; Open Enclave, enclave/core/sgx/exception.c,
 * oe_emulate_cpuid.
 *
 * Run: --isolation=fast
 * Run: --isolation=strict
 * Run: --presence=mprotect
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define SLOT 64
#define SITES 14
#define THREADS 3
#define ROUNDS 3
#define FIRST_PAGE_SITES 3

static const uint8_t kinds[][2] = { { 0x0f, 0xa2 }, { 0x0f, 0x05 }, { 0x0f, 0x34 }, { 0x0f, 0xa1 }, { 0x0f, 0xa9 } };
static struct service service;
static uint64_t sites[SITES];
static const uint8_t *bytes[SITES];

static void one(unsigned thread, unsigned i)
{
	uint8_t scratch[32] = { 0 };
	struct call call = { .operation = OP_JUMP, .a = sites[i], .b = (uint64_t)scratch };
	struct call handler = { .operation = OP_EXCEPTION, .a = 2 };
	struct sgx_enclave_run run;

	service_expect_exception(&service, thread, &call, "an illegal instruction", VECTOR_UD, &run);
	uint64_t word = service_do(&service, thread, OP_READ, sites[i], 0, 0, 0);

	check_equal("first byte that the handler reads", bytes[i][0], word & 0xff);
	check_equal("second byte that the handler reads", bytes[i][1], word >> 8 & 0xff);
	check_equal("RIP in the SSA frame", sites[i], service_call(&service, thread, &handler));
	service_resume(&service, thread);
	check_equal("what the code behind the instruction returned", 0x5a5a + i, call.result);
}

static void *worker(void *argument)
{
	unsigned thread = (unsigned)(uintptr_t)argument;

	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < SITES; i++)
			one(thread, (i * (thread + 1) + round) % SITES);
	return NULL;
}

int main(void)
{
	uint8_t *code = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct service_options options = { .code = code, .code_length = 2 * PAGE, .threads = THREADS };
	pthread_t threads[THREADS];
	int status;

	if (code == MAP_FAILED)
		die("map pages");
	memset(code, 0x90, 2 * PAGE);
	for (unsigned i = 0; i < SITES; i++) {
		unsigned offset = i < FIRST_PAGE_SITES ? i * SLOT : PAGE + i * SLOT;
		uint8_t *slot = code + offset;
		static const uint8_t back[] = { 0x41, 0xff, 0xe3 }; /* jmp *r11 */

		bytes[i] = kinds[i % 5];
		memcpy(slot, bytes[i], 2);
		slot[2] = 0xb8; /* mov eax, 5a5a + i */
		slot[3] = (uint8_t)(0x5a + i);
		slot[4] = 0x5a;
		slot[5] = slot[6] = 0;
		memcpy(slot + 7, back, sizeof back);
		sites[i] = offset;
	}
	service_build(&service, &options);
	for (unsigned i = 0; i < SITES; i++)
		sites[i] += service.code;

	/* Code in the first page runs, and none of its illegal instructions. */
	check_equal("code behind an illegal instruction", 0x5a5a, service_do(&service, 0, OP_JUMP, sites[0] + 2, 0, 0, 0));
	for (unsigned i = 0; i < FIRST_PAGE_SITES; i++)
		check_equal("an instruction that was not executed yet", bytes[i][0] | (unsigned)bytes[i][1] << 8,
			    service_do(&service, 0, OP_READ, sites[i], 0, 0, 0) & 0xffff);

	for (uintptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, worker, (void *)i) != 0)
			die("pthread_create");
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);

	fflush(stdout);
	pid_t child = fork();

	if (child == 0) {
		worker((void *)0);
		_exit(0);
	}
	worker((void *)(uintptr_t)1);
	waitpid(child, &status, 0);
	check_equal("status of the child", 0, (uint64_t)status);

	/* What EACCEPTCOPY takes from the page is what the program wrote. */
	uint64_t copy = service.room & ~(uint64_t)(PAGE - 1);

	check_equal("EACCEPTCOPY", 0, service_accept(&service, 0, EACCEPTCOPY, SECINFO_R | SECINFO_W | SECINFO_REG, copy, service.code + PAGE));
	for (unsigned i = FIRST_PAGE_SITES; i < SITES; i++)
		check_equal("an instruction in the copy", bytes[i][0] | (unsigned)bytes[i][1] << 8,
			    service_do(&service, 0, OP_READ, copy + sites[i] - service.code - PAGE, 0, 0, 0) & 0xffff);
	return 0;
}
