/*
 * A run whose enclaves are written to files (dumped_run.run): as they were
 * measured, at EINIT, and as they are while a thread is inside and pages are
 * written out. One enclave is given up before EINIT.
 *
 * The program sees no more of it than asynchronous exits, as at any interrupt:
 * every check holds as without. Source: SDM 3D, "State Save Area (SSA) Frame",
 * EWB; core(5), elf(5).
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define HEAP (4ul << 20)
#define SEED 0x1122334455667788

static struct service service, given_up;
static volatile uint64_t over;
static struct call spin = { .operation = OP_SPIN };

static void *stay_inside(void *unused)
{
	spin.a = (uint64_t)&over;
	check("something was counted inside", service_call(&service, 1, &spin) != 0);
	return unused;
}

int main(void)
{
	static uint8_t data[2 * PAGE] __attribute__((aligned(PAGE)));
	pthread_t inside;
	char end;

	memset(data, 'd', sizeof data);
	vdso_find();
	service_add(&given_up, NULL);
	close(given_up.enclave.fd);
	munmap((void *)given_up.enclave.base, given_up.enclave.size);
	service_build(&service, &(struct service_options){ .size = 64ul << 20, .heap_length = HEAP, .threads = 2,
							   .data = data, .data_pages = 2 });
	service_do(&service, 0, OP_FILL, service.heap, SEED, HEAP / PAGE, 0);
	if (pthread_create(&inside, NULL, stay_inside, NULL) != 0)
		die("pthread_create");
	while (__atomic_load_n(&spin.a, __ATOMIC_SEQ_CST) == 0)
		usleep(1000);
	usleep(20000);
	printf("%d 0x%lx 0x%lx 0x%lx ", (int)getpid(), (unsigned long)service.enclave.base, (unsigned long)service.heap,
	       (unsigned long)&spin);
	for (unsigned i = 0; i < sizeof service.enclave.sigstruct.enclave_hash; i++)
		printf("%02x", ((unsigned char *)&service.enclave.sigstruct.enclave_hash)[i]);
	printf("\n");
	fflush(stdout);

	check_equal("bytes read until the end", 0, (uint64_t)read(0, &end, 1));
	check_equal("pages with other contents", 0, service_do(&service, 0, OP_VERIFY, service.heap, SEED, HEAP / PAGE, 0));
	over = 1;
	pthread_join(inside, NULL);
	return 0;
}
