/* SHA-256, by the embedder; asked for through the crypto API until 6.17, since then as a function. */
#ifndef KERNEL_DIGESTS_H
#define KERNEL_DIGESTS_H
struct crypto_shash {
	int unused;
};
struct shash_desc {
	struct crypto_shash *tfm;
};
#define CRYPTO_ALG_ASYNC 0x80
#define SHASH_DESC_ON_STACK(name, hash) struct shash_desc name##_memory_ = { 0 }, *name = &name##_memory_
struct crypto_shash *crypto_alloc_shash(const char *name, u32 type, u32 mask);
void crypto_free_shash(struct crypto_shash *hash);
int crypto_shash_digest(struct shash_desc *description, const void *data, unsigned int length, void *digest);
void sha256(const void *data, size_t length, void *digest);
#endif
