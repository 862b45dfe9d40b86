#include "service.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"

#define SECINFO_RX (SECINFO_REG | SECINFO_R | SECINFO_X)
#define SECINFO_RW (SECINFO_REG | SECINFO_R | SECINFO_W)

/* The defaults of the options. */
static uint64_t data_pages(const struct service_options *options)
{
	return options->data_pages == 0 ? 1 : options->data_pages;
}

static unsigned thread_count(const struct service_options *options)
{
	return options->threads == 0 ? 1 : options->threads;
}

void service_add(struct service *service, const struct service_options *options)
{
	static const struct service_options defaults;
	struct enclave *enclave = &service->enclave;
	uint64_t at = 0;

	if (options == NULL)
		options = &defaults;
	enclave_create(enclave, options->size == 0 ? 16ul << 20 : options->size, &options->enclave);
	enclave_add(enclave, at, service_code, PAGE, SECINFO_RX);
	at += PAGE;
	service->data = enclave->base + at;
	if (options->data != NULL)
		enclave_add(enclave, at, options->data, data_pages(options) * PAGE, SECINFO_RW);
	else
		enclave_add_unmeasured(enclave, at, data_pages(options) * PAGE, SECINFO_RW);
	at += data_pages(options) * PAGE;
	service->threads = enclave->base + at;
	for (unsigned i = 0; i < thread_count(options); i++, at += THREAD_SIZE)
		enclave_add_thread(enclave, at, 0);
	service->code = enclave->base + at;
	if (options->code_length != 0)
		enclave_add(enclave, at, options->code, options->code_length, SECINFO_RX);
	at += options->code_length;
	service->heap = enclave->base + at;
	if (options->heap_length != 0)
		enclave_add_unmeasured(enclave, at, options->heap_length, SECINFO_RW);
	at += options->heap_length;
	service->room = enclave->base + at;
}

void service_map(struct service *service)
{
	const struct enclave *enclave = &service->enclave;
	uint64_t threads = service->threads - enclave->base;
	uint64_t code = service->code - enclave->base;
	uint64_t heap = service->heap - enclave->base;
	uint64_t room = service->room - enclave->base;

	enclave_map(enclave, 0, PAGE, PROT_READ | PROT_EXEC);
	enclave_map(enclave, PAGE, threads - PAGE, PROT_READ | PROT_WRITE);
	enclave_map(enclave, threads, code - threads, PROT_READ | PROT_WRITE);
	if (heap != code)
		enclave_map(enclave, code, heap - code, PROT_READ | PROT_EXEC);
	if (room != heap)
		enclave_map(enclave, heap, room - heap, PROT_READ | PROT_WRITE);
	if (room != enclave->size)
		enclave_map(enclave, room, enclave->size - room, PROT_READ | PROT_WRITE | PROT_EXEC);
}

void service_build(struct service *service, const struct service_options *options)
{
	vdso_find();
	service_add(service, options);
	enclave_init(&service->enclave);
	service_map(service);
}

uint64_t service_tcs(const struct service *service, unsigned thread)
{
	return service->threads + thread * THREAD_SIZE;
}

/* The stacks of a TCS; see service_try. */
#define MOST_TCSES 256
#define STACKS 8
#define STACK_SIZE (128ul << 10)

struct stacks {
	uint64_t tcs;
	uint8_t *memory;
	uint8_t taken[STACKS];
};

static struct stacks all_stacks[MOST_TCSES];
static pthread_mutex_t stacks_lock = PTHREAD_MUTEX_INITIALIZER;

/* A child of fork has no thread that would give it back. */
static void lock_stacks(void) { pthread_mutex_lock(&stacks_lock); }
static void unlock_stacks(void) { pthread_mutex_unlock(&stacks_lock); }
__attribute__((constructor)) static void keep_over_fork(void) { pthread_atfork(lock_stacks, unlock_stacks, unlock_stacks); }

static struct stacks *stacks_of(uint64_t tcs)
{
	struct stacks *stacks = all_stacks;

	pthread_mutex_lock(&stacks_lock);
	while (stacks->tcs != tcs && stacks->tcs != 0)
		check("there are stacks for so many TCS", ++stacks < all_stacks + MOST_TCSES);
	if (stacks->tcs == 0) {
		stacks->memory = mmap(NULL, STACKS * STACK_SIZE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (stacks->memory == MAP_FAILED)
			die("map stacks");
		stacks->tcs = tcs;
	}
	pthread_mutex_unlock(&stacks_lock);
	return stacks;
}

/* The lowest stack that is free is taken; ERESUME has the highest that is not. */
static int take_stack(struct stacks *stacks, uint32_t function)
{
	if (function == ERESUME) {
		int index = STACKS - 1;

		while (index > 0 && !__atomic_load_n(&stacks->taken[index], __ATOMIC_SEQ_CST))
			index--;
		return index;
	}
	for (int index = 0; index < STACKS; index++)
		if (!__atomic_exchange_n(&stacks->taken[index], 1, __ATOMIC_SEQ_CST))
			return index;
	check("there is a stack for so many entries", false);
	return -1;
}

int service_try(struct service *service, uint64_t tcs, struct call *call, uint32_t function,
		struct sgx_enclave_run *run)
{
	struct stacks *stacks = stacks_of(tcs);
	int index = take_stack(stacks, function), result;

	(void)service;
	memset(run, 0, sizeof *run);
	run->tcs = tcs;
	result = vdso_enter_on(stacks->memory + (uint64_t)(index + 1) * STACK_SIZE, run, (uint64_t)call, function);
	/* Still in use by what can be resumed. */
	if (run->function == EEXIT || (run->function == EENTER && function == EENTER))
		__atomic_store_n(&stacks->taken[index], 0, __ATOMIC_SEQ_CST);
	return result;
}

uint64_t service_call(struct service *service, unsigned thread, struct call *call)
{
	struct sgx_enclave_run run;

	check_equal("what the vDSO's function returns", 0,
		    (uint64_t)service_try(service, service_tcs(service, thread), call, EENTER, &run));
	if (run.function != EEXIT) {
		check_equal("exception vector (0: none was expected)", 0, run.exception_vector);
		check_equal("how the enclave was left", EEXIT, run.function);
	}
	return call->result;
}

uint64_t service_do(struct service *service, unsigned thread, enum operation operation, uint64_t a,
		    uint64_t b, uint64_t c, uint64_t d)
{
	struct call call = { .operation = operation, .a = a, .b = b, .c = c, .d = d };

	return service_call(service, thread, &call);
}

void service_expect_exception(struct service *service, unsigned thread, struct call *call,
			      const char *what, unsigned vector, struct sgx_enclave_run *run)
{
	check_equal(what, 0,
		    (uint64_t)service_try(service, service_tcs(service, thread), call, EENTER, run));
	check_equal(what, vector, run->exception_vector);
}

void service_resume(struct service *service, unsigned thread)
{
	struct sgx_enclave_run run;

	check_equal("what ERESUME by the vDSO returns", 0,
		    (uint64_t)service_try(service, service_tcs(service, thread), NULL, ERESUME, &run));
	if (run.function != EEXIT)
		check_equal("exception vector after ERESUME (0: none was expected)", 0,
			    run.exception_vector);
	check_equal("how the enclave was left after ERESUME", EEXIT, run.function);
}

void service_abandon(struct service *service, unsigned thread)
{
	struct stacks *stacks = stacks_of(service_tcs(service, thread));

	__atomic_store_n(&stacks->taken[take_stack(stacks, ERESUME)], 0, __ATOMIC_SEQ_CST);
}

uint64_t service_accept(struct service *service, unsigned thread, enum enclu leaf, uint64_t flags,
			uint64_t address, uint64_t source)
{
	struct secinfo secinfo = { .flags = flags };
	uint64_t inside = service->data + PAGE - sizeof secinfo;

	service_do(service, thread, OP_COPY, inside, (uint64_t)&secinfo, sizeof secinfo, 0);
	return service_do(service, thread, OP_ENCLU, leaf, inside, address, source);
}

int enclave_restrict(struct enclave *enclave, uint64_t address, uint64_t length, uint64_t permissions,
		     uint64_t *result, uint64_t *count)
{
	struct sgx_enclave_restrict_permissions argument = {
		.offset = address - enclave->base,
		.length = length,
		.permissions = permissions,
	};
	int status = ioctl(enclave->fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &argument);

	if (result != NULL)
		*result = argument.result;
	if (count != NULL)
		*count = argument.count;
	return status;
}

int enclave_modify(struct enclave *enclave, uint64_t address, uint64_t length, uint64_t type,
		   uint64_t *result, uint64_t *count)
{
	struct sgx_enclave_modify_types argument = {
		.offset = address - enclave->base,
		.length = length,
		.page_type = type,
	};
	int status = ioctl(enclave->fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, &argument);

	if (result != NULL)
		*result = argument.result;
	if (count != NULL)
		*count = argument.count;
	return status;
}

int enclave_remove(struct enclave *enclave, uint64_t address, uint64_t length, uint64_t *count)
{
	struct sgx_enclave_remove_pages argument = {
		.offset = address - enclave->base,
		.length = length,
	};
	int status = ioctl(enclave->fd, SGX_IOC_ENCLAVE_REMOVE_PAGES, &argument);

	if (count != NULL)
		*count = argument.count;
	return status;
}
