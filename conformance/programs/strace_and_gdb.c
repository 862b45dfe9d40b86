/*
 * With --attach=device a program without SGX in it is nobody's tracee: strace
 * and gdb have it, signals are its own, and it ends with Cloister all the same.
 * One that opens the device after all, by a name that stands nowhere in its
 * file, has it from then on, in all its threads: ioctl, CPUID, the vDSO.
 *
 * Hardware: a process may have one tracer, and needs none. ptrace(2); SDM 2A,
 * CPUID; Linux, arch/x86/include/uapi/asm/sgx.h.
 */
#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile int stop;
static volatile uint32_t leaf = 7;
static volatile long faults;

static int tracer(void)
{
	char line[256];
	int id = -1;
	FILE *status = fopen("/proc/self/status", "r");

	while (status != NULL && fgets(line, sizeof line, status) != NULL)
		if (sscanf(line, "TracerPid: %d", &id) == 1)
			break;
	if (status != NULL)
		fclose(status);
	return id;
}

static int has_sgx(void)
{
	uint32_t a, b, c, d;

	__cpuid_count(leaf, 0, a, b, c, d);
	return b >> 2 & 1;
}

static void fault(int signal, siginfo_t *information, void *context)
{
	(void)signal;
	(void)information;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
	faults++;
}

static void *spin(void *argument)
{
	while (!stop) {
		__asm__ volatile("movb (%0), %%al" ::"d"(0ul) : "rax", "memory");
		usleep(100);
	}
	return argument;
}

/* Whether the vDSO that the auxiliary vector names has a function whose name ends so. */
static int vdso_has(const char *end)
{
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
	const Elf64_Phdr *segment = (const Elf64_Phdr *)(image + header->e_phoff);
	size_t length = 0;

	for (int i = 0; i < header->e_phnum; i++)
		if (segment[i].p_type == PT_LOAD)
			length = segment[i].p_filesz;
	return memmem(image, length, end, strlen(end) + 1) != NULL;
}

static int late(const char *path)
{
	const char *volatile begin = "gx_enter_"; /* the whole name shall not stand in the file */
	char function[32];
	pthread_t threads[3];
	struct stat status;
	uint8_t *secs = aligned_alloc(4096, 4096);
	uint64_t create = (uint64_t)secs;
	long before;
	int device, failed = 0;
	void *range;

	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, spin, NULL);
	while (faults < 10)
		usleep(1000);
	if (tracer() != 0)
		failed = printf("late: expected no tracer before the device is open, got %d\n", tracer());
	device = open(path, O_RDWR | O_CLOEXEC);
	if (device < 0)
		return printf("late: open: %s\n", strerror(errno));
	if (fstat(device, &status) != 0 || !S_ISCHR(status.st_mode))
		failed = printf("late: expected a character device, got mode %o\n", status.st_mode);
	if (tracer() == 0)
		failed = printf("late: expected a tracer\n");
	if (!has_sgx())
		failed = printf("late: expected CPUID with SGX\n");
	snprintf(function, sizeof function, "%senclave", begin);
	if (!vdso_has(function))
		failed = printf("late: expected the vDSO's function\n");
	range = mmap(NULL, 0x40000, PROT_NONE, MAP_SHARED, device, 0);
	if (range == MAP_FAILED)
		failed = printf("late: mmap: %s\n", strerror(errno));
	memset(secs, 0, 4096);
	*(uint64_t *)secs = 0x20000;
	*(uint64_t *)(secs + 8) = ((uint64_t)range + 0x1ffff) & ~0x1fffful;
	*(uint32_t *)(secs + 16) = 1;
	*(uint64_t *)(secs + 48) = 4;
	*(uint64_t *)(secs + 56) = 3;
	if (ioctl(device, _IOW(0xa4, 0, uint64_t), &create) != 0)
		failed = printf("late: ECREATE: %s\n", strerror(errno));
	before = faults;
	for (int i = 0; i < 3000 && faults < before + 10; i++)
		usleep(1000);
	if (faults < before + 10)
		failed = printf("late: expected other threads' faults to go on, got %ld after %ld\n", faults, before);
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	return failed;
}

int main(int count, char **arguments)
{
	struct sigaction action = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO };
	const char *what = count > 1 ? arguments[1] : "";

	setvbuf(stdout, NULL, _IONBF, 0);
	sigaction(SIGSEGV, &action, NULL);
	if (strcmp(what, "plain") == 0) {
		for (int i = 0; i < 1000; i++)
			__asm__ volatile("movb (%0), %%al" ::"d"(0ul) : "rax", "memory");
		printf("tracer %d, faults %ld\n", tracer(), faults);
		return 3;
	}
	if (strcmp(what, "open") == 0) {
		int device = open(arguments[2], O_RDWR);

		printf("open: %s\n", device < 0 ? strerrorname_np(errno) : "yes");
		return device < 0;
	}
	if (strcmp(what, "late") == 0)
		return late(arguments[2]) != 0;
	if (strcmp(what, "killed") == 0)
		raise(SIGSEGV | 0), signal(SIGSEGV, SIG_DFL), raise(SIGSEGV);
	if (strcmp(what, "family") == 0) {
		/* A child, and one whose parent is gone. */
		if (fork() == 0) {
			if (fork() != 0)
				_exit(0);
			for (;;)
				pause();
		}
		wait(NULL);
		printf("family\n");
		for (;;)
			pause();
	}
	return 9;
}
