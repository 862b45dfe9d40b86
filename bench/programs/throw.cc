/*
 * C++ exceptions, thrown three functions deep and caught.
 *
 *   throw COUNT REPETITIONS
 *
 * Prints "throw" and the nanoseconds of one.
 */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>

static uint64_t now()
{
	timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return uint64_t(time.tv_sec) * 1000000000 + uint64_t(time.tv_nsec);
}

__attribute__((noinline)) static void deep(int depth, uint64_t value)
{
	if (depth == 0)
		throw value;
	deep(depth - 1, value);
	__asm__ volatile("");
}

int main(int argc, char **argv)
{
	uint64_t count = argc > 1 ? strtoull(argv[1], nullptr, 0) : 10000;
	int repetitions = argc > 2 ? atoi(argv[2]) : 3;

	for (int i = 0; i < repetitions; i++) {
		uint64_t began = now(), sum = 0;

		for (uint64_t n = 0; n < count; n++) {
			try {
				deep(3, n);
			} catch (uint64_t value) {
				sum += value;
			}
		}
		if (sum != count * (count - 1) / 2)
			return 1;
		printf("throw %.3f\n", double(now() - began) / double(count));
		fflush(stdout);
	}
	return 0;
}
