#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *program(void)
{
	return program_invocation_short_name;
}

void check_equal(const char *what, uint64_t expected, uint64_t actual)
{
	if (expected == actual)
		return;
	fprintf(stderr, "%s: %s: expected 0x%llx, got 0x%llx\n", program(), what,
		(unsigned long long)expected, (unsigned long long)actual);
	exit(1);
}

void check(const char *what, bool condition)
{
	if (condition)
		return;
	fprintf(stderr, "%s: expected: %s\n", program(), what);
	exit(1);
}

void check_bytes(const char *what, const void *expected, const void *actual, size_t length)
{
	const uint8_t *left = expected, *right = actual;

	for (size_t i = 0; i < length; i++) {
		if (left[i] == right[i])
			continue;
		fprintf(stderr, "%s: %s: byte %zu: expected 0x%02x, got 0x%02x\n", program(), what, i,
			left[i], right[i]);
		exit(1);
	}
}

static const char *error_name(int error)
{
	const char *name = error == 0 ? "success" : strerrorname_np(error);

	return name == NULL ? "an unknown errno" : name;
}

void check_errno(const char *what, int expected, long result)
{
	int actual = result == -1 ? errno : 0;

	if (expected == actual)
		return;
	fprintf(stderr, "%s: %s: expected %s, got %s\n", program(), what, error_name(expected),
		error_name(actual));
	exit(1);
}

void die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program(), what, strerror(errno));
	exit(1);
}
