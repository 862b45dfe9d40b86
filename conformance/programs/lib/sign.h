/* Signing a SIGSTRUCT with a key made for this run, or kept in a file: RSA-3072,
 * exponent 3. */
#ifndef CONFORMANCE_SIGN_H
#define CONFORMANCE_SIGN_H

#include "architecture.h"

/* Fills in header, date, modulus, exponent, signature, Q1 and Q2; everything
 * else is the caller's and is what gets signed. One key per process. */
void sigstruct_sign(struct sigstruct *sigstruct);

/* Signs with the key in a PEM file from now on, which is made when it is not
 * there; NULL: with a new key. */
void sigstruct_use_key(const char *path);

/* Prints the MRSIGNER of that file's key, for `cloister run --launch-hash`. */
void sigstruct_print_signer(const char *path);

/* MRSIGNER: SHA-256 of the modulus. */
void sigstruct_signer(const struct sigstruct *sigstruct, uint8_t mrsigner[32]);

#endif
