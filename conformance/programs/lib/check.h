/*
 * What a conformance program says: nothing while hardware's behaviour is what
 * it sees, one line and exit status 1 at the first difference.
 */
#ifndef CONFORMANCE_CHECK_H
#define CONFORMANCE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The values must be equal. */
void check_equal(const char *what, uint64_t expected, uint64_t actual);

/* The condition must hold; what says it in words. */
void check(const char *what, bool condition);

/* The two ranges must have the same bytes. */
void check_bytes(const char *what, const void *expected, const void *actual, size_t length);

/* A system call that returned result must have failed with the errno expected,
 * or, where expected is 0, have succeeded. Reads errno. */
void check_errno(const char *what, int expected, long result);

/* Something the program itself needs failed: says what and errno. */
void die(const char *what) __attribute__((noreturn));

#endif
