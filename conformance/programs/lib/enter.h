/* The two ways into an enclave: the vDSO's function, and ENCLU inline. */
#ifndef CONFORMANCE_ENTER_H
#define CONFORMANCE_ENTER_H

#include <asm/sgx.h>
#include <stdint.h>

/* Where __vdso_sgx_enter_enclave is; ends the program when there is none. */
void vdso_find(void);

/* The vDSO's first byte and the length of its code and data, for telling
 * whether an address lies in it. */
extern uint64_t vdso_base, vdso_length;

/* Enters by the vDSO with every register that the ABI wants kept, kept. */
int vdso_enter(uint64_t rdi, uint64_t rsi, uint64_t rdx, uint32_t function, uint64_t r8, uint64_t r9,
	       struct sgx_enclave_run *run);

/* Enters by the vDSO from the top of another stack, which is a multiple of 16. */
int vdso_enter_on(void *stack, struct sgx_enclave_run *run, uint64_t rdi, uint32_t function);

/* Enters by ENCLU[EENTER] and returns on EEXIT. An asynchronous exit goes to
 * enclu_aep, which is one ENCLU: RAX, RBX and RCX are then right for ERESUME. */
void enclu_enter(uint64_t rdi, uint64_t rsi, uint64_t rdx, uint64_t tcs);

/* The same, with RFLAGS.TF set from the instruction before EENTER until the one
 * after EEXIT. */
void enclu_enter_single_step(uint64_t rdi, uint64_t rsi, uint64_t rdx, uint64_t tcs);

extern const char enclu_aep[], enclu_eenter[], enclu_return[], enclu_step_eenter[], enclu_step_return[];

#endif
