/* What the embedder is asked about the processor. */
#include "tasks.h"

#define EREMOVE 3
struct leaf {
	u32 leaf;
	u64 rbx, rcx, rdx, *rbx_out;
	int result;
};
static void ask_leaf(void *argument)
{
	struct leaf *leaf = argument;

	leaf->result = embedder_->encls(embedder_->context, leaf->leaf, leaf->rbx, leaf->rcx, leaf->rdx, (uint64_t *)leaf->rbx_out);
}
int encls_(u32 leaf, u64 rbx, u64 rcx, u64 rdx, u64 *rbx_out)
{
	static bool is_used;
	struct leaf question = { leaf, rbx, rcx, rdx, rbx_out, 0 };

	switch_point(POINT_ENCLS);
	is_used |= leaf != EREMOVE;
	if (!is_used && embedder_->epc_is_unused && is_epc_page_(rcx))
		return 0;
	on_own_stack(ask_leaf, &question);
	return question.result;
}

struct feature {
	int number, result;
};
static void ask_feature(void *argument)
{
	struct feature *feature = argument;

	feature->result = embedder_->has_feature(embedder_->context, feature->number);
}
bool cpu_feature_enabled(int feature)
{
	struct feature question = { feature, 0 };

	on_own_stack(ask_feature, &question);
	return question.result;
}

struct leaf_of_cpuid {
	u32 leaf, subleaf, registers[4];
};
static void ask_cpuid(void *argument)
{
	struct leaf_of_cpuid *leaf = argument;

	embedder_->cpuid(embedder_->context, leaf->leaf, leaf->subleaf, leaf->registers);
}

void cpuid_count(u32 leaf, u32 subleaf, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	struct leaf_of_cpuid question = { leaf, subleaf, { 0 } };

	on_own_stack(ask_cpuid, &question);
	*eax = question.registers[0];
	*ebx = question.registers[1];
	*ecx = question.registers[2];
	*edx = question.registers[3];
}

struct msr {
	u32 number;
	u64 value;
};
static void ask_msr(void *argument)
{
	struct msr *msr = argument;

	embedder_->write_msr(embedder_->context, msr->number, msr->value);
}

void wrmsrl(u32 number, u64 value)
{
	struct msr question = { number, value };

	on_own_stack(ask_msr, &question);
}

static void ask_interrupt(void *unused)
{
	(void)unused;
	embedder_->interrupt(embedder_->context);
}
void on_each_cpu_mask(const cpumask_t *mask, void (*function)(void *), void *argument, bool wait)
{
	(void)function;
	(void)argument;
	(void)wait;
	switch_point(POINT_RESCHEDULE);
	if (mask->bits)
		on_own_stack(ask_interrupt, NULL);
}

struct digest {
	const void *data;
	size_t length;
	void *digest;
};
static void ask_digest(void *argument)
{
	struct digest *digest = argument;

	embedder_->sha256(embedder_->context, digest->data, digest->length, digest->digest);
}
void sha256(const void *data, size_t length, void *digest)
{
	struct digest question = { data, length, digest };

	on_own_stack(ask_digest, &question);
}
struct crypto_shash *crypto_alloc_shash(const char *name, u32 type, u32 mask)
{
	(void)name;
	(void)type;
	(void)mask;
	return allocation_fails_() ? ERR_PTR(-ENOMEM) : calloc(1, sizeof(struct crypto_shash));
}
void crypto_free_shash(struct crypto_shash *hash)
{
	free(hash);
}
int crypto_shash_digest(struct shash_desc *description, const void *data, unsigned int length, void *digest)
{
	(void)description;
	sha256(data, length, digest);
	return 0;
}

static int is_pending;
static void ask_signal(void *unused)
{
	(void)unused;
	is_pending = embedder_->signal_pending(embedder_->context, current->mm ? current->mm->name : 0);
}
int signal_pending(struct task_struct *task)
{
	(void)task;
	on_own_stack(ask_signal, NULL);
	return is_pending;
}
void force_sig(int signal)
{
	log_line_(2, "force_sig(%d)", signal);
}

int arch_memory_failure(unsigned long pfn, int flags);
int linux_memory_failure(uint64_t pfn, int flags)
{
	return arch_memory_failure(pfn, flags);
}
