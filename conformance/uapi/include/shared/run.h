/* What the vDSO's function fills in (Linux 5.11, uapi asm/sgx.h). */
#ifndef UAPI_RUN_H
#define UAPI_RUN_H

#include <linux/types.h>

struct sgx_enclave_run;

typedef int (*sgx_enclave_user_handler_t)(long rdi, long rsi, long rdx, long rsp, long r8, long r9,
					  struct sgx_enclave_run *run);

struct sgx_enclave_run {
	__u64 tcs;
	__u32 function;
	__u16 exception_vector;
	__u16 exception_error_code;
	__u64 exception_addr;
	__u64 user_handler;
	__u64 user_data;
	__u8 reserved[216];
};

#endif
