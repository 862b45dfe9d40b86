/*
 * The error codes of page faults, by the state of mapping and page.
 *
 * Processor: P is clear when the page tables have no entry that is present, and
 * the SGX bit is set only when they allow the access and the EPCM refuses it.
 * Kernel: x86 keeps the entries of a mapping without any right as not present. A
 * fetch is not refused before the page is there: it ends with P set. Ordinary
 * memory faults from inside as from outside. The vDSO, the signal frame and
 * EXINFO tell the same.
 * Source: SDM 3A, "Page-Fault Exception"; SDM 3D, "Access-control Requirements";
 * Linux arch/x86/include/asm/pgtable_types.h (_PAGE_PROTNONE), arch/x86/mm/fault.c
 * (access_error), arch/x86/include/asm/trap_pf.h.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define P PFEC_P
#define W PFEC_W
#define U PFEC_U
#define I PFEC_I
#define SGX PFEC_SGX
#define RW (SECINFO_REG | SECINFO_R | SECINFO_W)
#define EXINFO(frame) (THREAD_SSA + (frame) * PAGE + PAGE - sizeof(struct gprsgx) - 16)

static struct service service;
static unsigned faults; /* that were not resumed: each has taken a frame of both threads */
static sigjmp_buf back;
static volatile int seen_signal, seen_code, seen_trap;
static volatile unsigned long seen_error, seen_address;

static void on_fault(int signal, siginfo_t *information, void *context)
{
	const greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

	seen_signal = signal;
	seen_code = information->si_code;
	seen_trap = (int)registers[REG_TRAPNO];
	seen_error = (unsigned long)registers[REG_ERR];
	seen_address = (unsigned long)registers[REG_CR2];
	check_equal("si_addr", seen_address, (uint64_t)information->si_addr);
	siglongjmp(back, 1);
}

static void expect_signal(const char *what, unsigned error, int signal, int code, uint64_t address)
{
	check_equal(what, (uint64_t)signal, (uint64_t)seen_signal);
	check_equal(what, (uint64_t)code, (uint64_t)seen_code);
	check_equal(what, 14, (uint64_t)seen_trap);
	check_equal(what, error, seen_error);
	check_equal(what, address, seen_address);
}

/* Inside: by the vDSO, where EXINFO is looked at as well, and by a signal. */
static void inside(const char *what, struct call *call, unsigned error, int signal, int code)
{
	struct sgx_enclave_run run;
	uint64_t tcs = service_tcs(&service, 0), address = call->a, told, exinfo[2];

	/* The processor tells the system the page only, of an address in ELRANGE. */
	told = address - service.enclave.base < service.enclave.size ? address & ~(PAGE - 1) : address;
	service_expect_exception(&service, 0, call, what, 14, &run);
	check_equal(what, error, run.exception_error_code);
	check_equal(what, told, run.exception_addr);
	service_do(&service, 0, OP_COPY, (uint64_t)exinfo, tcs + EXINFO(faults), sizeof exinfo, 0);
	faults++;
	check_equal(what, address, exinfo[0]);
	check_equal(what, error, (uint32_t)exinfo[1]);
	service_abandon(&service, 0);

	seen_signal = 0;
	if (sigsetjmp(back, 1) == 0)
		enclu_enter((uint64_t)call, 0, 0, service_tcs(&service, 1));
	expect_signal(what, error, signal, code, told);
}

static void from_inside(const char *what, enum operation operation, uint64_t address, unsigned error, int code)
{
	struct call call = { .operation = operation, .a = address };

	inside(what, &call, error, SIGSEGV, code);
}

static void from_outside(const char *what, enum operation operation, uint64_t address, unsigned error, int code)
{
	seen_signal = 0;
	if (sigsetjmp(back, 1) == 0) {
		if (operation == OP_JUMP)
			((void (*)(void))address)();
		else if (operation == OP_WRITE)
			*(volatile uint64_t *)address = 1;
		else
			(void)*(volatile uint64_t *)address;
	}
	expect_signal(what, error, SIGSEGV, code, address);
}

static void refused(const char *what, enum operation operation, uint64_t address, unsigned error, int code)
{
	from_inside(what, operation, address, error, code);
	from_outside(what, operation, address, error, code);
}

static void protect(uint64_t address, int protection)
{
	if (mprotect((void *)address, PAGE, protection) != 0)
		die("mprotect");
}

static void map_again(uint64_t address, int protection)
{
	if (mmap((void *)address, PAGE, protection, MAP_SHARED | MAP_FIXED, service.enclave.fd, 0) == MAP_FAILED)
		die("mmap");
}

/* A new enclave, for a thread has frames for three faults. */
static void build(void)
{
	const struct service_options options = {
		.enclave = { .miscselect = MISCSELECT_EXINFO },
		.heap_length = 16 * PAGE,
		.threads = 2,
	};

	if (service.enclave.size != 0)
		enclave_destroy(&service.enclave);
	service_build(&service, &options);
	faults = 0;
	service_do(&service, 0, OP_FILL, service.heap, 1, 16, 0);
}

static void mappings_of_the_enclave(void)
{
	uint64_t page;

	build();
	page = service.heap;
	protect(page, PROT_READ);
	refused("a write, the page is there, mapping R", OP_WRITE, page + 16, P | W | U, SEGV_ACCERR);
	protect(page, PROT_NONE);
	refused("a read, the page was there, mapping NONE", OP_READ, page + 24, U, SEGV_ACCERR);

	build();
	page = service.heap;
	protect(page, PROT_NONE);
	refused("a write, the page was there, mapping NONE", OP_WRITE, page + 8, U | W, SEGV_ACCERR);
	protect(page, PROT_READ | PROT_WRITE);
	check_equal("the page after all that", 0, service_do(&service, 0, OP_VERIFY, page, 1, 1, 0));
	munmap((void *)page, PAGE);
	refused("a read, nothing mapped", OP_READ, page + 32, U, SEGV_MAPERR);

	build();
	page = service.heap;
	munmap((void *)page, PAGE);
	refused("a write, nothing mapped", OP_WRITE, page, U | W, SEGV_MAPERR);
	map_again(page, PROT_READ);
	refused("a write, mapping R, nothing touched yet", OP_WRITE, page, U | W, SEGV_ACCERR);

	build();
	page = service.heap;
	munmap((void *)page, PAGE);
	refused("a fetch, nothing mapped", OP_JUMP, page, U | I, SEGV_MAPERR);
	map_again(page, PROT_READ | PROT_WRITE);
	refused("a fetch, mapping RW, nothing touched yet", OP_JUMP, page, P | U | I, SEGV_ACCERR);

	build();
	page = service.heap;
	protect(page, PROT_NONE);
	refused("a fetch, mapping NONE", OP_JUMP, page, U | I, SEGV_ACCERR);
	refused("a write to code", OP_WRITE, service.enclave.base + 64, P | W | U, SEGV_ACCERR);
}

static void states_of_the_page(void)
{
	uint64_t page, result, count;

	/* The room is mapped RWX: the EPCM decides. */
	build();
	page = service.room;
	from_inside("a read of a page that is pending", OP_READ, page, P | U | SGX, SEGV_ACCERR);
	from_inside("a write to a page that is pending", OP_WRITE, page, P | W | U | SGX, SEGV_ACCERR);
	protect(page, PROT_NONE);
	from_inside("a read of a page that is pending, mapping NONE", OP_READ, page, U, SEGV_ACCERR);

	build();
	page = service.room;
	check_equal("EACCEPT", 0, service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, page, 0));
	from_inside("a fetch from a page whose EPCM entry has no X", OP_JUMP, page, P | U | I | SGX, SEGV_ACCERR);
	check_equal("RESTRICT_PERMISSIONS", 0, (uint64_t)enclave_restrict(&service.enclave, page, PAGE, SECINFO_R, &result, &count));
	from_inside("a write to a page restricted to R, not accepted", OP_WRITE, page, P | W | U | SGX, SEGV_ACCERR);
	check_equal("what can be read there", 0, service_do(&service, 0, OP_READ, page, 0, 0, 0));

	build();
	page = service.heap;
	check_equal("MODIFY_TYPES", 0, (uint64_t)enclave_modify(&service.enclave, page, PAGE, PT_TRIM, &result, &count));
	from_inside("a read of a page that is trimmed", OP_READ, page, P | U | SGX, SEGV_ACCERR);
	protect(page, PROT_NONE);
	from_inside("a read of a page that is trimmed, mapping NONE", OP_READ, page, U, SEGV_ACCERR);

	build();
	from_inside("a read of a TCS", OP_READ, service_tcs(&service, 0), P | U | SGX, SEGV_ACCERR);
	page = service.room;
	check_equal("EACCEPT of a page that will be modified", 0, service_accept(&service, 0, EACCEPT, RW | SECINFO_PENDING, page, 0));
	protect(page, PROT_READ | PROT_WRITE);
	struct tcs tcs = thread_tcs(page - service.enclave.base, 0);
	service_do(&service, 0, OP_COPY, page, (uint64_t)&tcs, sizeof tcs, 0);
	check_equal("MODIFY_TYPES to TCS", 0, (uint64_t)enclave_modify(&service.enclave, page, PAGE, PT_TCS, &result, &count));
	from_inside("a write to a page that becomes a TCS", OP_WRITE, page, P | W | U | SGX, SEGV_ACCERR);
}

static void memory_of_the_host(void)
{
	uint8_t *host = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char name[] = "/tmp/fault_codesXXXXXX";
	int fd = mkstemp(name);
	uint8_t *file;

	build();
	host[0] = host[PAGE] = 1;
	mprotect(host, PAGE, PROT_READ);
	refused("a write to the host's page, which is there, mapping R", OP_WRITE, (uint64_t)host + 8, P | W | U, SEGV_ACCERR);
	mprotect(host + PAGE, PAGE, PROT_NONE);
	refused("a read of the host's page, mapping NONE", OP_READ, (uint64_t)host + PAGE + 8, U, SEGV_ACCERR);

	build();
	mprotect(host + 2 * PAGE, PAGE, PROT_READ);
	refused("a write to the host's page, which is not there, mapping R", OP_WRITE, (uint64_t)host + 2 * PAGE + 8, W | U, SEGV_ACCERR);
	munmap(host + 3 * PAGE, PAGE);
	refused("a read where the host has nothing", OP_READ, (uint64_t)host + 3 * PAGE + 8, U, SEGV_MAPERR);

	/* Behind the end of a file: the kernel's handler says SIGBUS. */
	build();
	if (fd < 0 || ftruncate(fd, PAGE) != 0 || unlink(name) != 0)
		die("a file");
	file = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	struct call call = { .operation = OP_READ, .a = (uint64_t)file + PAGE + 8 };
	inside("a read behind the end of a file", &call, U, SIGBUS, BUS_ADRERR);
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	mappings_of_the_enclave();
	states_of_the_page();
	memory_of_the_host();
	return 0;
}
