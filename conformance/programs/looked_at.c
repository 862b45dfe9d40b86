/*
 * A run that others look at while it is under way (looked_at.run): one thread is
 * inside, another enters and leaves, a third waits in the kernel, pages are
 * written out and brought back.
 *
 * The program sees nothing of it: every check holds as without, and a wait in
 * the kernel goes on. Source: ptrace(2), "Signal-delivery-stop", signal(7),
 * "Interruption of system calls and library functions by stop signals".
 */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define HEAP (4ul << 20)

static struct service service;
static volatile uint64_t over;
static struct call spin = { .operation = OP_SPIN };

static void *stay_inside(void *unused)
{
	spin.a = (uint64_t)&over;
	check("something was counted inside", service_call(&service, 1, &spin) != 0);
	return unused;
}

static void *go_in_and_out(void *unused)
{
	for (uint64_t i = 0; !over; i++) {
		service_do(&service, 2, OP_FILL, service.heap, i, HEAP / PAGE, 0);
		check_equal("pages with other contents", 0,
			    service_do(&service, 2, OP_VERIFY, service.heap, i, HEAP / PAGE, 0));
		for (int entries = 0; entries < 100; entries++)
			service_do(&service, 2, OP_NOTHING, 0, 0, 0, 0);

		/* Who has a page written out drives the other thread out. */
		usleep(20000);
	}
	return unused;
}

int main(void)
{
	pthread_t inside, busy;
	char end;

	service_build(&service, &(struct service_options){ .size = 64ul << 20, .heap_length = HEAP, .threads = 3 });
	check_equal("EACCEPT", SGX_SUCCESS,
		    service_accept(&service, 0, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_W | SECINFO_PENDING,
				   service.room, 0));
	service_do(&service, 0, OP_FILL, service.heap, 1, HEAP / PAGE, 0);
	if (pthread_create(&inside, NULL, stay_inside, NULL) != 0 || pthread_create(&busy, NULL, go_in_and_out, NULL) != 0)
		die("pthread_create");
	printf("%d 0x%lx 0x%lx ", (int)getpid(), (unsigned long)service.enclave.base, (unsigned long)service.room);
	for (unsigned i = 0; i < sizeof service.enclave.sigstruct.enclave_hash; i++)
		printf("%02x", ((unsigned char *)&service.enclave.sigstruct.enclave_hash)[i]);
	printf("\n");
	fflush(stdout);

	check_equal("bytes read until the end", 0, (uint64_t)read(0, &end, 1));
	over = 1;
	pthread_join(inside, NULL);
	pthread_join(busy, NULL);
	return 0;
}
