/* Entries, and the life of pages, of which a lane knows the contents. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "check.h"
#include "wild.h"

#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
#define STACK (64ul << 10)

uint64_t enter(struct lane *lane, enum operation operation, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	uint64_t tcs = service_tcs(lane->service, lane->number);

	for (;;) {
		struct call call = { .operation = operation, .a = a, .b = b, .c = c, .d = d };
		struct sgx_enclave_run run = { .tcs = tcs };

		if (below(lane, 4) == 0) {
			enclu_enter((uint64_t)&call, 0, 0, tcs);
			return call.result;
		}
		check_equal("what the vDSO's function returns", 0,
			    (uint64_t)vdso_enter_on((char *)lane->stack + STACK, &run, (uint64_t)&call, EENTER));
		if (run.function == EEXIT)
			return call.result;
		/* A child that is inside has the TCS; what else there is must not be. */
		if (run.function != EENTER || run.exception_vector != VECTOR_GP) {
			fprintf(stderr, "wild: lane %u of process %d, operation %d on 0x%llx: exception at 0x%llx, error code 0x%x; page 0x%llx, room 0x%llx\n",
				lane->number, (int)getpid(), (int)operation, (unsigned long long)(operation == OP_ENCLU ? c : a),
				(unsigned long long)run.exception_addr, run.exception_error_code, (unsigned long long)lane->page,
				(unsigned long long)lane->room);
			check_equal("exception vector", 0, run.exception_vector);
			check_equal("how the enclave was left", EEXIT, run.function);
		}
		sched_yield();
	}
}

/* ENCLU[leaf] from inside, with a SECINFO at the end of the lane's own page. */
static uint64_t leaf(struct lane *lane, enum enclu number, uint64_t flags, uint64_t address)
{
	struct secinfo secinfo = { .flags = flags };
	uint64_t inside = lane->page + PAGE - sizeof secinfo;

	enter(lane, OP_COPY, inside, (uint64_t)&secinfo, sizeof secinfo, 0);
	return enter(lane, OP_ENCLU, number, inside, address, 0);
}

/* A call that a signal may interrupt, or another's ioctl keep away. */
#define AGAIN(call) \
	while ((call) != 0) \
		check_equal("errno of " #call, EINTR, errno == EAGAIN || errno == EBUSY ? EINTR : (uint64_t)errno)

static void add(struct lane *lane, unsigned i, uint64_t address)
{
	check_equal("EACCEPT of a new page", 0, leaf(lane, EACCEPT, RW | SECINFO_PENDING, address));
	check_equal("a new page", 0, enter(lane, OP_READ, address + 8, 0, 0, 0));
	lane->contents[i] = lane->random;
	enter(lane, OP_WRITE, address + 8, lane->contents[i], 0, 0);
	lane->present[i] = true;
	lane->read_only[i] = false;
}

static void take_away(struct lane *lane, unsigned i, uint64_t address)
{
	uint64_t count;

	AGAIN(enclave_modify(&lane->service->enclave, address, PAGE, PT_TRIM, NULL, &count));
	check_equal("EACCEPT of a trimmed page", 0, leaf(lane, EACCEPT, SECINFO_TRIM | SECINFO_MODIFIED, address));
	AGAIN(enclave_remove(&lane->service->enclave, address, PAGE, &count));
	lane->present[i] = false;
}

static void change_rights(struct lane *lane, unsigned i, uint64_t address)
{
	uint64_t result, count;

	if (lane->read_only[i]) {
		leaf(lane, EMODPE, RW, address);
		lane->read_only[i] = false;
		enter(lane, OP_WRITE, address + 8, lane->contents[i] = lane->random, 0, 0);
		return;
	}
	AGAIN(enclave_restrict(&lane->service->enclave, address, PAGE, SECINFO_R, &result, &count));
	check_equal("EACCEPT of a restricted page", 0, leaf(lane, EACCEPT, SECINFO_REG | SECINFO_R | SECINFO_PR, address));
	lane->read_only[i] = true;
}

void step_in_enclave(struct lane *lane)
{
	unsigned i = (unsigned)below(lane, ROOM_PAGES);
	uint64_t address = lane->room + i * PAGE;

	switch (below(lane, 6)) {
	case 0:
		check_equal("the lane's page", lane->value, enter(lane, OP_READ, lane->page, 0, 0, 0));
		break;
	case 1:
		enter(lane, OP_WRITE, lane->page, lane->value = lane->random, 0, 0);
		break;
	case 2:
		if (lane->present[i])
			check_equal("a page of the room", lane->contents[i], enter(lane, OP_READ, address + 8, 0, 0, 0));
		break;
	case 3:
		if (lane->present[i])
			change_rights(lane, i, address);
		break;
	default:
		if (lane->present[i])
			take_away(lane, i, address);
		else
			add(lane, i, address);
	}
}

void check_everything(struct lane *lane)
{
	check_equal("the lane's page", lane->value, enter(lane, OP_READ, lane->page, 0, 0, 0));
	for (unsigned i = 0; i < ROOM_PAGES; i++)
		if (lane->present[i])
			check_equal("a page of the room", lane->contents[i], enter(lane, OP_READ, lane->room + i * PAGE + 8, 0, 0, 0));
}
