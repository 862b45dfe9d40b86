/*
 * Three kinds of computing that run alike inside an enclave and outside: this
 * code is copied. So: no calls, no tables, no constants in memory; the Makefile
 * keeps the compiler from making any, and compute.c compares the results.
 */
#include "bench.h"

#define INSIDE __attribute__((section("enclave_bench"), noinline, aligned(64)))

static inline __attribute__((always_inline)) uint32_t rotate(uint32_t value, int bits)
{
	return value << bits | value >> (32 - bits);
}

/* SHA-1's compression function (FIPS 180-4, 6.1.2) over all of the data; words
 * are taken as the machine has them. */
INSIDE uint64_t kernel_hash(uint64_t rounds, void *data)
{
	uint32_t a = 0x67452301, b = 0xefcdab89, c = 0x98badcfe, d = 0x10325476, e = 0xc3d2e1f0;

	for (; rounds != 0; rounds--) {
		for (const uint32_t *block = data; block != (const uint32_t *)data + KERNEL_DATA / 4; block += 16) {
			uint32_t w[16], a0 = a, b0 = b, c0 = c, d0 = d, e0 = e;

			for (int t = 0; t < 80; t++) {
				uint32_t f, k, word;

				if (t < 16)
					word = block[t];
				else
					word = rotate(w[(t + 13) & 15] ^ w[(t + 8) & 15] ^ w[(t + 2) & 15] ^ w[t & 15], 1);
				w[t & 15] = word;
				if (t < 20)
					f = (b & c) | (~b & d), k = 0x5a827999;
				else if (t < 40)
					f = b ^ c ^ d, k = 0x6ed9eba1;
				else if (t < 60)
					f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
				else
					f = b ^ c ^ d, k = 0xca62c1d6;
				f += rotate(a, 5) + e + k + word;
				e = d;
				d = c;
				c = rotate(b, 30);
				b = a;
				a = f;
			}
			a += a0;
			b += b0;
			c += c0;
			d += d0;
			e += e0;
		}
	}
	return ((uint64_t)a << 32 | b) ^ ((uint64_t)c << 32 | d) ^ e;
}

/* Multiplies two matrices into a third. */
INSIDE uint64_t kernel_matrix(uint64_t rounds, void *data)
{
	enum { N = 128 };
	const double *a = data, *b = a + N * N;
	double *c = (double *)data + 2 * N * N;
	uint64_t bits = 0;

	for (; rounds != 0; rounds--) {
		for (int i = 0; i < N; i++)
			for (int j = 0; j < N; j++) {
				double sum = 0;

				for (int k = 0; k < N; k++)
					sum += a[i * N + k] * b[k * N + j];
				c[i * N + j] = sum;
			}
		for (int i = 0; i < N * N; i++) {
			union {
				double number;
				uint64_t bits;
			} element = { .number = c[i] };

			bits = (bits ^ element.bits) * 0x9e3779b97f4a7c15;
		}
	}
	return bits;
}

/* Jumps that depend on the data, as an interpreter makes them. */
INSIDE uint64_t kernel_branchy(uint64_t rounds, void *data)
{
	uint64_t x = 88172645463325252, sum = 0;
	const uint64_t *words = data;

	for (rounds *= 10000; rounds != 0; rounds--) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		switch ((x >> 20) & 7) {
		case 0:
			sum += x;
			break;
		case 1:
			sum ^= words[x % (KERNEL_DATA / 8)];
			break;
		case 2:
			sum = sum << 5 | sum >> 59;
			break;
		case 3:
			if (sum & 1)
				sum -= x;
			else
				sum = ~sum;
			break;
		case 4:
			sum *= 0x9e3779b97f4a7c15;
			break;
		case 5:
			while (sum & 0x300)
				sum += 0x101;
			break;
		case 6:
			sum -= words[sum % (KERNEL_DATA / 8)];
			break;
		default:
			sum ^= sum >> 29;
			break;
		}
	}
	return sum;
}
