/*
 * A call on an enclave's file has the file until it ends, whoever closes the
 * descriptor and unmaps the range meanwhile; a signal that is ignored ends it no
 * earlier; and the file goes with the last of it, while others come and go.
 *
 * Kernel: ioctl holds the open file; a signal that nobody handles and that does
 * nothing is dropped when it is sent.
 * Source: Linux fs/ioctl.c, fdget; kernel/signal.c, sig_ignored;
 * arch/x86/kernel/cpu/sgx/ioctl.c, sgx_ioc_enclave_add_pages (signal_pending);
 * arch/x86/kernel/cpu/sgx/driver.c, sgx_release.
 *
 * Run: --isolation=fast
 * Run: --isolation=strict
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

#define LENGTH (8ul << 20)
#define ROUNDS 6
#define RACE_MS 400

static struct enclave enclave;
static int stop;

static void *take_away(void *unused)
{
	usleep(1500);
	munmap((void *)enclave.base, enclave.size);
	close(enclave.fd);
	/* What makes Cloister look for files that nobody has. */
	close(open("/dev/sgx_enclave", O_RDWR));
	return unused;
}

/* From another process: a thread of this one would take them itself, as it does not wait. */
static pid_t send_ignored(void)
{
	static const int signals[] = { SIGCHLD, SIGURG, SIGWINCH, SIGUSR1 };
	pid_t pid = fork();

	for (int i = 0; pid == 0 && i < 12; i++) {
		usleep(500);
		kill(getppid(), signals[i % 4]);
	}
	if (pid == 0)
		_exit(0);
	return pid;
}

/* ADD_PAGES while a thread takes the file away, or a process sends signals. */
static void add_beside(const char *what, int is_taken)
{
	struct secinfo secinfo = { .flags = SECINFO_REG | SECINFO_R | SECINFO_W };
	void *zeros = mmap(NULL, LENGTH, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct sgx_enclave_add_pages add = { .src = (uint64_t)zeros, .length = LENGTH, .secinfo = (uint64_t)&secinfo };
	pthread_t thread;
	pid_t pid = -1;
	int result;

	enclave_create(&enclave, 2 * LENGTH, NULL);
	enclave_map(&enclave, 0, enclave.size, PROT_READ | PROT_WRITE);
	if (is_taken)
		pthread_create(&thread, NULL, take_away, NULL);
	else
		pid = send_ignored();
	result = ioctl(enclave.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &add);
	/* On a busy machine it may have been closed before. */
	if (!is_taken || result == 0 || errno != EBADF) {
		check_errno(what, 0, result);
		check_equal(what, LENGTH, add.count);
	}
	if (is_taken)
		pthread_join(thread, NULL);
	else
		waitpid(pid, NULL, 0);
	munmap(zeros, LENGTH);
	measurement_finish(enclave.measurement, (uint8_t[32]){ 0 });
	if (!is_taken)
		enclave_destroy(&enclave);
}

/* A file that is only mapped, by its last mapping. */
static void *come_and_go(void *how)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		int fd = open("/dev/sgx_enclave", O_RDWR);
		void *place = mmap(NULL, 2 * PAGE, PROT_NONE, MAP_SHARED, fd, 0);

		if (fd < 0 || place == MAP_FAILED)
			die("map a file");
		close(fd);
		if (how != NULL && mmap(place, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != place)
			die("map over it");
		munmap(place, 2 * PAGE);
	}
	return NULL;
}

int main(void)
{
	struct timespec race = { 0, RACE_MS * 1000000L };
	pthread_t threads[4];

	signal(SIGUSR1, SIG_IGN);
	for (int round = 0; round < ROUNDS; round++) {
		add_beside("ADD_PAGES of a file that is closed meanwhile", 1);
		add_beside("ADD_PAGES beside ignored signals", 0);
	}
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, come_and_go, (void *)(i & 1));
	nanosleep(&race, NULL);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
