/*
 * An SGX2 program: it builds an enclave, lets it grow, changes a page's
 * permissions, adds a thread and takes pages away again, and says what it does.
 *
 * Read it from main() downwards. What every such program needs (ECREATE, EADD,
 * EINIT by ioctl, measuring, signing, entering by the vDSO) is in
 * conformance/programs/lib; what is special to SGX2 is here.
 */
#include <stdio.h>
#include <sys/mman.h>

#include "check.h"
#include "enclave.h"
#include "enter.h"
#include "sample.h"

#define SIZE (1ul << 20)
#define RW (SECINFO_R | SECINFO_W)
#define NEW_PAGE (SECINFO_REG | RW | SECINFO_PENDING)

extern const char enclave_start[], enclave_end[];

/* Where things are, as offsets. The code comes first. */
static uint64_t data_page, first_thread, heap;
static struct enclave enclave;

static void say(const char *text)
{
	printf("%s\n", text);
	fflush(stdout);
}

static uint64_t at(uint64_t offset)
{
	return enclave.base + offset;
}

/* One entry by the vDSO, which has to end in EEXIT. A handler, if there is one,
 * sees every exit first. */
static uint64_t enter(uint64_t tcs, struct sample_call *call, sgx_enclave_user_handler_t handler, void *data)
{
	struct sgx_enclave_run run = { .tcs = tcs, .user_handler = (uint64_t)handler, .user_data = (uint64_t)data };

	call->base = enclave.base;
	check_equal("the vDSO's return value", 0, (uint64_t)vdso_enter((uint64_t)call, 0, 0, EENTER, 0, 0, &run));
	if (run.function != EEXIT)
		check_equal("exception vector", 0, run.exception_vector);
	return call->answer;
}

/* A call that nothing gets in the way of. */
static uint64_t ask(uint64_t tcs, struct sample_call call)
{
	return enter(tcs, &call, NULL, NULL);
}

static uint64_t add(uint64_t offset, uint64_t value)
{
	return ask(at(first_thread), (struct sample_call){ .request = SAMPLE_ADD, .address = at(offset), .value = value });
}

static void accept(uint64_t offset, uint64_t pages, uint64_t flags)
{
	check_equal("EACCEPT", 0,
		    ask(at(first_thread), (struct sample_call){
						  .request = SAMPLE_ACCEPT,
						  .address = at(offset),
						  .count = pages,
						  .flags = flags,
					  }));
}

/* The vDSO calls this when the enclave was left. After an exception the enclave is
 * asked for the cure, on the same thread: EENTER on a thread with an exception
 * enters its handler. Then the vDSO runs ERESUME, which goes on where the fault was. */
static int cure_exception(long rdi, long rsi, long rdx, long rsp, long r8, long r9, struct sgx_enclave_run *run)
{
	const struct sample_call *cure = (const struct sample_call *)run->user_data;

	(void)rdi, (void)rsi, (void)rdx, (void)rsp, (void)r8, (void)r9;
	if (run->function == EEXIT)
		return 0;
	printf("    exception %d, error code 0x%04x, at the enclave's offset 0x%llx\n", run->exception_vector,
	       run->exception_error_code, (unsigned long long)(run->exception_addr - enclave.base));
	check_equal("what cures it", 0, ask(run->tcs, *cure));
	return ERESUME;
}

/* A call that runs into a page fault. */
static uint64_t ask_and_cure(struct sample_call call, struct sample_call cure)
{
	return enter(at(first_thread), &call, cure_exception, &cure);
}

static void build(void)
{
	static uint8_t zeros[PAGE] __attribute__((aligned(4096)));
	uint64_t code_length = (uint64_t)(enclave_end - enclave_start);

	say("1. Build the enclave: ECREATE, EADD and EEXTEND of each page, EINIT");
	/* DEBUG: a debugger may look inside. An enclave with a secret must not have it. */
	enclave_create(&enclave, SIZE, &(struct enclave_options){ .attributes = ATTRIBUTE_DEBUG });
	enclave_add(&enclave, 0, enclave_start, code_length, SECINFO_REG | SECINFO_R | SECINFO_X);
	data_page = code_length;
	enclave_add(&enclave, data_page, zeros, PAGE, SECINFO_REG | RW);
	first_thread = data_page + PAGE;
	enclave_add_thread(&enclave, first_thread, 0);
	heap = first_thread + THREAD_SIZE;
	enclave_init(&enclave);

	enclave_map(&enclave, 0, code_length, PROT_READ | PROT_EXEC);
	enclave_map(&enclave, data_page, SIZE - data_page, PROT_READ | PROT_WRITE);
	printf("    base 0x%llx, MRENCLAVE ", (unsigned long long)enclave.base);
	for (int i = 0; i < 32; i++)
		printf("%02x", enclave.sigstruct.enclave_hash[i]);
	say("");
}

static void use(void)
{
	say("2. Enter it: EENTER by the vDSO, EEXIT");
	printf("    the enclave adds 40 and 2: ");
	add(data_page, 40);
	printf("%llu\n", (unsigned long long)add(data_page, 2));
	printf("    the same memory from outside: 0x%llx (0xff everywhere where isolation is strict)\n",
	       (unsigned long long)*(volatile uint64_t *)at(data_page));
}

static void grow_by_accepting(void)
{
	say("3. Grow the heap by 16 pages, EACCEPT first: each EACCEPT faults, the kernel adds");
	say("   the page (EAUG), EACCEPT is run again and succeeds");
	accept(heap, 16, NEW_PAGE);
	printf("    a sum in the last of them: %llu\n", (unsigned long long)add(heap + 15 * PAGE, 7));
}

static void grow_by_accessing(void)
{
	uint64_t page = heap + 16 * PAGE;

	say("4. Grow it by one page, access first: the kernel adds the page, but it is pending;");
	say("   the fault reaches the program, the enclave accepts the page, ERESUME goes on");
	printf("    a sum in it: %llu\n",
	       (unsigned long long)ask_and_cure(
		       (struct sample_call){ .request = SAMPLE_ADD, .address = at(page), .value = 5 },
		       (struct sample_call){ .request = SAMPLE_ACCEPT, .address = at(page), .count = 1, .flags = NEW_PAGE }));
}

static void restrict_and_relax(void)
{
	struct sgx_enclave_restrict_permissions restriction = {
		.offset = heap, .length = PAGE, .permissions = SECINFO_R,
	};

	say("5. Restrict a page to reading (EMODPR by ioctl, then EACCEPT), and relax it again");
	say("   from inside (EMODPE) when a write faults");
	check_errno("SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS", 0,
		    ioctl(enclave.fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &restriction));
	accept(heap, 1, SECINFO_REG | SECINFO_R | SECINFO_PR);
	printf("    a sum in it: %llu\n",
	       (unsigned long long)ask_and_cure(
		       (struct sample_call){ .request = SAMPLE_ADD, .address = at(heap), .value = 3 },
		       (struct sample_call){ .request = SAMPLE_EXTEND, .address = at(heap), .count = 1, .flags = SECINFO_REG | RW }));
}

static void add_thread(void)
{
	uint64_t thread = heap + 32 * PAGE;
	struct sgx_enclave_modify_types change = { .offset = thread, .length = PAGE, .page_type = PT_TCS };

	say("6. Add a thread: five new pages, of which the first becomes a TCS (EMODT by ioctl,");
	say("   then EACCEPT), and enter on it");
	accept(thread, SAMPLE_THREAD_PAGES, NEW_PAGE);
	ask(at(first_thread), (struct sample_call){ .request = SAMPLE_MAKE_THREAD, .address = at(thread), .value = 0 });
	check_errno("SGX_IOC_ENCLAVE_MODIFY_TYPES", 0, ioctl(enclave.fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, &change));
	accept(thread, 1, SECINFO_TCS | SECINFO_MODIFIED);
	printf("    the new thread reads what the first one left: %llu\n",
	       (unsigned long long)ask(at(thread), (struct sample_call){ .request = SAMPLE_READ, .address = at(data_page) }));
}

static void shrink(void)
{
	struct sgx_enclave_modify_types trim = { .offset = heap, .length = 16 * PAGE, .page_type = PT_TRIM };
	struct sgx_enclave_remove_pages removal = { .offset = heap, .length = 16 * PAGE };

	say("7. Take the first 16 heap pages away: trim them (EMODT), accept that (EACCEPT), and");
	say("   have them removed");
	check_errno("SGX_IOC_ENCLAVE_MODIFY_TYPES", 0, ioctl(enclave.fd, SGX_IOC_ENCLAVE_MODIFY_TYPES, &trim));
	accept(heap, 16, SECINFO_TRIM | SECINFO_MODIFIED);
	check_errno("SGX_IOC_ENCLAVE_REMOVE_PAGES", 0, ioctl(enclave.fd, SGX_IOC_ENCLAVE_REMOVE_PAGES, &removal));
	printf("    %llu bytes removed\n", (unsigned long long)removal.count);
}

int main(void)
{
	vdso_find();
	build();
	use();
	grow_by_accepting();
	grow_by_accessing();
	restrict_and_relax();
	add_thread();
	shrink();
	enclave_destroy(&enclave);
	say("Done.");
	return 0;
}
