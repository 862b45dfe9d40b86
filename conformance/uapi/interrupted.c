/*
 * A signal comes while a call works on many pages: nothing is lost, and the count
 * says where to go on.
 *
 * ADD_PAGES, and AUGMENT_PAGES after its model, look for a signal before each
 * page. After the first page they return 0 with a count that is less than the
 * length; before it EINTR with a count of 0, or they are restarted where the
 * handler was set with SA_RESTART. Called again with the rest they go on there.
 * RESTRICT, MODIFY and REMOVE do not look: the signal waits until all is done.
 * "Support large page ranges" (V3 00/30) asks for both. Source: Linux 6.12,
 * arch/x86/kernel/cpu/sgx/ioctl.c, sgx_ioc_enclave_add_pages and the loops of the
 * three others; RFC of 4 March 2022, sgx_ioc_enclave_augment_pages.
 *
 * Uapi: v5.11 edmm-v1 edmm-v2 edmm-augment edmm-v3 v6.0
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "check.h"
#include "service.h"
#ifndef UAPI_V5_11
#include "edmm.h"
#endif

#define LENGTH (32ul << 20)
#define CHANGED (16ul << 20)
#define FIRST_INTERVAL 1000 /* microseconds: a small part of what each of the calls takes */

static struct service service;
static volatile sig_atomic_t signals;

static void on_alarm(int signal)
{
	(void)signal;
	signals++;
}

static void set_handler(int flags)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };

	if (sigaction(SIGALRM, &action, NULL) != 0)
		die("set a handler");
}

static void set_timer(suseconds_t interval)
{
	struct itimerval timer = {
		{ interval / 1000000, interval % 1000000 },
		{ interval / 1000000, interval % 1000000 },
	};

	if (setitimer(ITIMER_REAL, &timer, NULL) != 0)
		die("set a timer");
}

/* One call on the rest of a range; returns what ioctl() does. */
typedef int one_call(uint64_t at, uint64_t length, uint64_t *count);

/* The whole range under a timer, from call to call as the counts say. */
static void in_parts(const char *what, uint64_t start, one_call *call)
{
	suseconds_t interval = FIRST_INTERVAL;
	unsigned parts = 0;

	for (uint64_t done = 0; done < LENGTH;) {
		uint64_t count = ~0ul;
		int status, error;

		set_timer(interval);
		status = call(start + done, LENGTH - done, &count);
		error = errno;
		set_timer(0);
		errno = error;
		if (status != 0) {
			check_errno(what, EINTR, status);
			check_equal("EINTR: count", 0, count);
			/* The timer was faster than the call could begin. */
			interval += FIRST_INTERVAL;
			continue;
		}
		check("count is of whole pages of the range, and not 0",
		      count != 0 && count % PAGE == 0 && count <= LENGTH - done);
		done += count;
		parts++;
	}
	check("a signal ended a call in the middle", parts > 1);
}

static int add(uint64_t at, uint64_t length, uint64_t *count)
{
	static struct secinfo secinfo = { .flags = SECINFO_REG | SECINFO_R | SECINFO_W };
	static void *zeros;
	struct sgx_enclave_add_pages argument = { .secinfo = (uint64_t)&secinfo };
	int status;

	if (zeros == NULL)
		zeros = mmap(NULL, LENGTH, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	argument.src = (uint64_t)zeros;
	argument.offset = at - service.enclave.base;
	argument.length = length;
	status = ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &argument);
	*count = argument.count;
	return status;
}

#ifdef UAPI_EDMM_AUGMENT
static int augment(uint64_t at, uint64_t length, uint64_t *count)
{
	struct sgx_enclave_augment_pages argument = { .offset = at - service.enclave.base, .length = length };
	int status = ioctl(service.enclave.fd, SGX_IOC_ENCLAVE_AUGMENT_PAGES, &argument);

	*count = argument.count;
	return status;
}
#endif

#ifndef UAPI_V5_11
/* Under a timer, and all of it in one call. */
static void whole(const char *what, int status, uint64_t count)
{
	int error = errno;

	set_timer(0);
	errno = error;
	check_errno(what, 0, status);
	check_equal("count: everything, signals or not", CHANGED, count);
}

static void accept_all(uint64_t start, uint64_t flags)
{
	for (uint64_t at = start; at < start + CHANGED; at += PAGE)
		check_equal("EACCEPT", SGX_SUCCESS, service_accept(&service, 0, EACCEPT, flags, at, 0));
}

static void change(uint64_t start)
{
	uint64_t result, count;
	int status;

	signals = 0;
	set_timer(FIRST_INTERVAL);
	status = edmm_restrict(&service.enclave, start, CHANGED, SECINFO_R, &result, &count);
	whole("restricting under signals", status, count);
	accept_all(start, EDMM_R | SECINFO_PR);

	set_timer(FIRST_INTERVAL);
	status = edmm_modify(&service.enclave, start, CHANGED, PT_TRIM, &result, &count);
	whole("trimming under signals", status, count);
	accept_all(start, (uint64_t)PT_TRIM << 8 | SECINFO_MODIFIED);

	set_timer(FIRST_INTERVAL);
	status = edmm_remove(&service.enclave, start, CHANGED, &count);
	whole("removing under signals", status, count);
	check("signals came meanwhile, and after the calls", signals > 0);
}
#endif

int main(void)
{
	const struct service_options options = { .size = 128ul << 20 };
	uint64_t start;

	vdso_find();
	service_add(&service, &options);
	start = service.room;
	set_handler(0);
	in_parts("ADD_PAGES", start, add);
	set_handler(SA_RESTART);
	in_parts("ADD_PAGES with SA_RESTART", start + LENGTH, add);
	for (uint64_t at = start; at < start + 2 * LENGTH; at += PAGE)
		measurement_add_page(service.enclave.measurement, at - service.enclave.base,
				     SECINFO_REG | SECINFO_R | SECINFO_W);

	/* Every page was added once and in its turn, or EINIT would refuse it. */
	enclave_init(&service.enclave);
	service.room += 2 * LENGTH;
	enclave_map(&service.enclave, 0, PAGE, PROT_READ | PROT_EXEC);
	enclave_map(&service.enclave, PAGE, service.room - service.enclave.base - PAGE, PROT_READ | PROT_WRITE);
	check_equal("the last page added", 0, service_do(&service, 0, OP_READ, service.room - PAGE, 0, 0, 0));
#ifndef UAPI_V5_11
	set_handler(0);
	change(start);
#endif
#ifdef UAPI_EDMM_AUGMENT
	enclave_map(&service.enclave, service.room - service.enclave.base, LENGTH, PROT_READ | PROT_WRITE);
	in_parts("AUGMENT_PAGES", service.room, augment);
	accept_all(service.room + LENGTH - CHANGED, EDMM_RW | SECINFO_PENDING);
#endif
	return 0;
}
