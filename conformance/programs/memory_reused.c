/*
 * What munmap of a part of an enclave gives back, any thread may have as ordinary
 * memory at once, while another is just entering or leaving: an entry and an exit
 * change nothing of it. munmap(2).
 *
 * The munmap takes its time here: a userfaultfd of the program's own is told of
 * it, and the call ends when that has been read. userfaultfd(2), ioctl_userfaultfd(2),
 * UFFD_FEATURE_EVENT_UNMAP.
 *
 * Run: --isolation fast
 * Run: --isolation strict
 * Run: --isolation strict --presence=mprotect
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define HALF (4 * PAGE)
#define LENGTH (2 * HALF)
#define ROUNDS 3
#define UNMAP_US 150000

static struct service service;
static _Atomic bool over;
static _Atomic uint64_t entries;
static int faults;

static void *enters(void *unused)
{
	(void)unused;
	while (!over) {
		check_equal("an entry beside it", 0, service_do(&service, 0, OP_NOTHING, 0, 0, 0, 0));
		entries++;
	}
	return NULL;
}

/* Lets the munmap end. */
static void *reads(void *unused)
{
	struct uffd_msg message;

	(void)unused;
	usleep(UNMAP_US);
	check_equal("the event", sizeof message, (uint64_t)read(faults, &message, sizeof message));
	check_equal("what it tells of", UFFD_EVENT_UNMAP, message.event);
	return NULL;
}

/* Takes the place as soon as the kernel gives it. */
static void *reuses(void *place)
{
	uint64_t *memory, before;

	do
		memory = mmap(place, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	while (memory == MAP_FAILED);
	for (uint64_t i = 0; i < LENGTH / 8; i += 512)
		memory[i] = i + 1;
	for (before = entries; entries < before + 10;)
		usleep(1000);
	for (uint64_t i = 0; i < LENGTH / 8; i += 512)
		check_equal("what was written to memory", i + 1, memory[i]);
	check_errno("munmap of memory", 0, munmap(memory, LENGTH));
	return NULL;
}

int main(void)
{
	struct service_options options = { .size = 1ul << 20 };
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_UNMAP };
	pthread_t entering, reading, reusing;
	/* An enclave that was never created has mappings too. */
	int fd = open("/dev/sgx_enclave", O_RDWR | O_CLOEXEC);

	service_build(&service, &options);
	faults = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (faults < 0 || ioctl(faults, UFFDIO_API, &api) != 0)
		die("userfaultfd");
	pthread_create(&entering, NULL, enters, NULL);
	for (unsigned i = 0; i < ROUNDS; i++) {
		char *place = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		struct uffdio_register registered = { .range = { (uint64_t)place, HALF }, .mode = UFFDIO_REGISTER_MODE_MISSING };

		if (place == MAP_FAILED || mmap(place + HALF, HALF, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
			die("mmap");
		check_errno("UFFDIO_REGISTER", 0, ioctl(faults, UFFDIO_REGISTER, &registered));
		pthread_create(&reading, NULL, reads, NULL);
		pthread_create(&reusing, NULL, reuses, place);
		check_errno("munmap", 0, munmap(place, LENGTH));
		pthread_join(reading, NULL);
		pthread_join(reusing, NULL);
	}
	over = true;
	pthread_join(entering, NULL);
	return 0;
}
