/*
 * A debugger reads and writes a debug enclave's memory, and no other's.
 *
 * Kernel: access_process_vm on an enclave's mapping (/proc/PID/mem, ptrace) runs
 * EDBGRD and EDBGWR when the enclave has ATTRIBUTES.DEBUG, and fails with EIO
 * (from /proc/PID/mem) when it has not.
 * Source: Linux arch/x86/kernel/cpu/sgx/encl.c, sgx_vma_access;
 * Documentation/arch/x86/sgx.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "check.h"
#include "service.h"

int main(void)
{
	struct service_options debug = { .enclave = { .attributes = ATTRIBUTE_DEBUG } };
	static struct service service, closed;
	uint64_t value = 0, wanted = 0xfeedface;
	int memory = open("/proc/self/mem", O_RDWR);

	if (memory < 0)
		die("open /proc/self/mem");
	service_build(&service, &debug);
	service_do(&service, 0, OP_WRITE, service.data + 16, 0xabcdef, 0, 0);
	check_equal("bytes read from a debug enclave", sizeof value,
		    (uint64_t)pread(memory, &value, sizeof value, (off_t)(service.data + 16)));
	check_equal("what was read from it", 0xabcdef, value);
	check_equal("bytes written to a debug enclave", sizeof wanted,
		    (uint64_t)pwrite(memory, &wanted, sizeof wanted, (off_t)(service.data + 16)));
	check_equal("what was written to it, read inside", wanted,
		    service_do(&service, 0, OP_READ, service.data + 16, 0, 0, 0));

	service_build(&closed, NULL);
	service_do(&closed, 0, OP_WRITE, closed.data, 0xabcdef, 0, 0);
	check_errno("a read of a production enclave", EIO,
		    pread(memory, &value, sizeof value, (off_t)closed.data));
	check_errno("a write to a production enclave", EIO,
		    pwrite(memory, &wanted, sizeof wanted, (off_t)closed.data));
	check_equal("its memory, read inside", 0xabcdef,
		    service_do(&closed, 0, OP_READ, closed.data, 0, 0, 0));
	return 0;
}
