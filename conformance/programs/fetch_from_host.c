/*
 * The host jumps into enclave memory, and to what the abort page gives it.
 *
 * Hardware: outside an enclave its memory reads as all ones, instructions too:
 * ff ff is no instruction, so #UD. A blocked signal does not help: the kernel
 * forces it.
 * Source: SDM 3D, "Access-control Requirements" (abort page); SDM 2B, opcode
 * FF /7; Linux arch/x86/kernel/traps.c, exc_invalid_op.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

static sigjmp_buf back;

static void jump_back(int signal) { siglongjmp(back, signal); }

static int signal_of_jump(uint64_t to)
{
	int signal = sigsetjmp(back, 1);

	if (signal == 0)
		((void (*)(void))to)();
	return signal;
}

/* A load that goes from the enclave's page to a page that is not there: the second fault is the program's own. */
static int signal_of_copy(const volatile char *from, volatile char *to)
{
	int signal = sigsetjmp(back, 1);

	if (signal == 0)
		__asm__ volatile("movsb" : "+S"(from), "+D"(to) : : "memory");
	return signal;
}

int main(void)
{
	static const uint64_t offsets[] = { 0, PAGE, 1ul << 30, 1ul << 38 };
	struct sigaction action = { .sa_handler = jump_back, .sa_flags = SA_NODEFER };
	static struct service service;
	char *nowhere = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int vepc = open("/dev/sgx_vepc", O_RDWR);

	sigaction(SIGILL, &action, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	service_build(&service, NULL);
	for (int round = 0; round < 3; round++) {
		check_equal("a jump to enclave code", SIGILL, (uint64_t)signal_of_jump(service.enclave.base));
		check_equal("a fault of its own beside the abort page", SIGSEGV, (uint64_t)signal_of_copy((char *)service.data, nowhere));
	}
	if (vepc < 0)
		die("open /dev/sgx_vepc");
	for (unsigned i = 0; i < sizeof offsets / sizeof *offsets; i++) {
		volatile uint8_t *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_SHARED, vepc, (off_t)offsets[i]);

		if (page == MAP_FAILED)
			die("map virtual EPC");
		check_equal("a read of virtual EPC", 0xff, page[i]);
		page[i] = 1;
		check_equal("a read after a write", 0xff, page[i]);
		check_equal("a jump to virtual EPC", SIGILL, (uint64_t)signal_of_jump((uint64_t)page));
	}
	return 0;
}
