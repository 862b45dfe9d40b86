/* The processor: CPUID, MSRs and features are the embedder's. One NUMA node has all of the EPC, and no folder in sysfs. */
#ifndef KERNEL_PROCESSORS_H
#define KERNEL_PROCESSORS_H
#define X86_FEATURE_SGX 1
#define X86_FEATURE_SGX1 2
#define X86_FEATURE_SGX2 3
#define X86_FEATURE_SGX_LC 4
#define X86_FEATURE_OSXSAVE 5
#define X86_FEATURE_VMX 6
bool cpu_feature_enabled(int feature);
#define boot_cpu_has(feature) cpu_feature_enabled(feature)
void cpuid_count(u32 leaf, u32 subleaf, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
#define MSR_IA32_SGXLEPUBKEYHASH0 0x8c
void wrmsrl(u32 number, u64 value);
#define X86_TRAP_GP 13
#define X86_TRAP_PF 14
#define MF_ACTION_REQUIRED 2

#define cpumask_clear(mask) ((void)((mask)->bits = 0))
#define cpumask_or(to, first, second) ((void)((to)->bits = (first)->bits | (second)->bits))
#define mm_cpumask(mm) (&(mm)->processors)
/* The function is not called; the embedder makes the threads leave their enclaves, which is what the interrupt is for. */
void on_each_cpu_mask(const cpumask_t *mask, void (*function)(void *), void *argument, bool wait);

typedef struct {
	unsigned long bits;
} nodemask_t;
#define NUMA_NO_NODE (-1)
#define N_MEMORY 0
#define N_CPU 1
#define numa_node_id() 0
#define num_possible_nodes() 1
#define numa_map_to_online_node(node) (node)
#define phys_to_target_node(address) ((void)(address), 0)
#define node_isset(node, mask) (((mask).bits >> (node)) & 1)
#define node_set(node, mask) ((void)((mask).bits |= 1UL << (node)))
#define next_node_in(node, mask) ((void)(node), (mask).bits ? __builtin_ctzl((mask).bits) : 0)
#define nodes_empty(mask) ((mask).bits == 0)
#define node_state(node, state) ((void)(node), 1)
#define for_each_online_node(node) for (node = 0; node < 1; node++)
#endif
