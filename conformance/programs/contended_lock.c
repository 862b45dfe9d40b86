/*
 * Threads that spin for a lock inside an enclave, more than there are cores,
 * while the one that holds it has pages added, accepts them, and leaves to have
 * one restricted: all of them get on.
 *
 * Hardware and kernel: a fault keeps its core, so who holds the lock works on
 * until its time slice ends; ETRACK's interrupts reach the threads that run, and
 * one that waits for a core has left by an AEX already. Here each of these stops
 * two threads, and must not cost the time slices of those that spin.
 * Source: intel/sgx-emm's api_tests, whose lock is such a one; SDM 3D, ETRACK;
 * Linux arch/x86/kernel/cpu/sgx/encl.c, sgx_zap_enclave_ptes.
 */
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "check.h"
#include "service.h"

#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
#define THREADS 8
#define ROUNDS 25
#define PAGES 8 /* of a round */

extern const char lock_code[], lock_code_end[];

/* RSI = the lock: spins until it is free and takes it. */
__asm__(".pushsection .enclave, \"ax\"\n"
	".balign 4096\n"
	".globl lock_code\n"
	"lock_code:\n"
	"	mov	$1, %eax\n"
	"1:	xchg	%rax, (%rsi)\n"
	"	test	%rax, %rax\n"
	"	jz	3f\n"
	"2:	pause\n"
	"	cmpq	$0, (%rsi)\n"
	"	jne	2b\n"
	"	mov	$1, %eax\n"
	"	jmp	1b\n"
	"3:	jmp	*%r11\n"
	".balign 4096\n"
	".globl lock_code_end\n"
	"lock_code_end:\n"
	".popsection\n");

static struct service service;

static void round_of(unsigned thread, uint64_t page)
{
	uint64_t lock = service.data, counter = service.data + 64, count = 0;

	service_do(&service, thread, OP_JUMP, service.code, lock, 0, 0);
	for (int i = 0; i < PAGES; i++)
		check_equal("EACCEPT of a new page", SGX_SUCCESS,
			    service_accept(&service, thread, EACCEPT, RW | SECINFO_PENDING, page + i * PAGE, 0));
	check_equal("RESTRICT_PERMISSIONS", 0,
		    (uint64_t)enclave_restrict(&service.enclave, page, PAGE, SECINFO_R, NULL, &count));
	check_equal("EACCEPT of the restriction", SGX_SUCCESS,
		    service_accept(&service, thread, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_PR, page, 0));
	service_do(&service, thread, OP_WRITE, counter, service_do(&service, thread, OP_READ, counter, 0, 0, 0) + 1, 0, 0);
	service_do(&service, thread, OP_WRITE, lock, 0, 0, 0);
}

static void *rounds(void *argument)
{
	unsigned thread = (unsigned)(uint64_t)argument;

	for (uint64_t i = 0; i < ROUNDS; i++)
		round_of(thread, service.room + (thread * ROUNDS + i) * PAGES * PAGE);
	return NULL;
}

int main(void)
{
	const struct service_options options = {
		.threads = THREADS,
		.code = lock_code,
		.code_length = (uint64_t)(lock_code_end - lock_code),
	};
	pthread_t all[THREADS];

	service_build(&service, &options);
	for (uint64_t i = 0; i < THREADS; i++)
		if (pthread_create(&all[i], NULL, rounds, (void *)i) != 0)
			die("start a thread");
	for (int i = 0; i < THREADS; i++)
		pthread_join(all[i], NULL);
	check_equal("rounds under the lock", THREADS * ROUNDS, service_do(&service, 0, OP_READ, service.data + 64, 0, 0, 0));
	return 0;
}
