using Cloister.Kernel.Tests.Harness;
using Cloister.Kernel.Tests.Oracle;

namespace Cloister.Kernel.Tests;

/// <summary>Whether the oracle would see it: a kernel's driver with one change must not pass for Cloister's.</summary>
public class MutationTests
{
    private const string Ioctl = "ioctl.c", Enclave = "encl.c", Main = "main.c";

    private static readonly TreeChange[] s_changes =
    [
        new(Ioctl, "sgx_encl_create", "return -EINVAL", "return -EIO"),
        new(Ioctl, "sgx_encl_create", "ret = -EIO", "ret = -EPERM"),
        new(Ioctl, "sgx_encl_create", @"if \(secs->attributes & SGX_ATTR_DEBUG\)", "if (0)"),
        new(Ioctl, "sgx_ioc_enclave_create", @"if \(test_bit", "if (0 && test_bit"),
        new(Ioctl, "sgx_validate_secinfo", @"if \(pt == SGX_SECINFO_TCS && perm\)", "if (0)"),
        new(Ioctl, "sgx_validate_secinfo", @"if \(memchr_inv", "if (0 && memchr_inv"),
        new(Ioctl, "__sgx_encl_add_page", "return -EACCES", "return -EPERM"),
        new(Ioctl, "sgx_encl_add_page", @"if \(flags & SGX_PAGE_MEASURE\)", "if (1)"),
        new(Ioctl, "sgx_validate_offset_length", @"offset \+ length - PAGE_SIZE >= encl->size", "offset + length > encl->size + PAGE_SIZE"),
        new(Ioctl, "sgx_ioc_enclave_add_pages", "-ERESTARTSYS", "-EINTR"),
        new(Ioctl, "sgx_ioc_enclave_add_pages", @"add_arg\.count = c", "add_arg.count = 0"),
        new(Ioctl, "sgx_encl_init", "return -EACCES", "return -EINVAL"),
        new(Ioctl, "sgx_encl_init", "ret = -EPERM", "ret = -EIO"),
        new(Ioctl, "sgx_ioc_sgx2_ready", "return -EINVAL", "return -EIO"),
        new(Ioctl, "sgx_enclave_restrict_permissions", "modp->result = ret", "modp->result = 0"),
        new(Ioctl, "sgx_enclave_restrict_permissions", @"if \(entry->type != SGX_PAGE_TYPE_REG\)", "if (0)"),
        new(Ioctl, "sgx_enclave_restrict_permissions", "modp->count = c", "modp->count = c + PAGE_SIZE"),
        new(Ioctl, "sgx_ioc_enclave_restrict_permissions", @"if \(params\.result \|\| params\.count\)", "if (0)"),
        new(Ioctl, "sgx_enclave_modify_types", @"if \(~entry->vm_max_prot_bits & \(VM_READ \| VM_WRITE\)\)", "if (0)"),
        new(Ioctl, "sgx_enclave_modify_types", "entry->type = page_type", "entry->type = entry->type"),
        new(Ioctl, "sgx_encl_remove_pages", @"if \(entry->type != SGX_PAGE_TYPE_TRIM\)", "if (0)"),
        new(Ioctl, "sgx_encl_remove_pages", @"sgx_zap_enclave_ptes\(encl, addr\);", ""),
        new(Enclave, "sgx_encl_may_map", "~page->vm_max_prot_bits & vm_prot_bits", "0 & vm_prot_bits"),
        new(Enclave, "sgx_encl_may_map", @"if \(current->personality & READ_IMPLIES_EXEC\)", "if (0)"),
        new(Enclave, "sgx_encl_load_page_in_vma", @"if \(\(entry->vm_max_prot_bits & vm_prot_bits\) != vm_prot_bits\)",
            "if (0 & vm_prot_bits)"),
        new(Enclave, "sgx_encl_eaug_page", @"SGX_SECINFO_R \| SGX_SECINFO_W \| SGX_SECINFO_X", "SGX_SECINFO_R | SGX_SECINFO_W"),
        new(Enclave, "sgx_vma_access", @"if \(!test_bit", "if (0 && !test_bit"),
        new(Main, "sgx_reclaimer_age", "ret = !sgx_encl_test_and_clear_young", "ret = 1 | sgx_encl_test_and_clear_young"),
        new(Main, "sgx_should_reclaim", "< watermark", "<= watermark"),
        new(Main, "sgx_reclaim_pages", "i < SGX_NR_TO_SCAN", "i < SGX_NR_TO_SCAN - 1"),
        new(Main, "sgx_set_attribute", "return -EINVAL", "return -EBADF"),
        new("driver.c", "sgx_get_unmapped_area", "return -EINVAL", "return -EACCES"),
        new("virt.c", "sgx_vepc_mmap", "return -EINVAL", "return -EACCES"),
    ];

    [KernelFact]
    public void Every_single_change_is_seen()
    {
        var unseen = new List<TreeChange>();
        Parallel.ForEach(s_changes, new ParallelOptions { MaxDegreeOfParallelism = 2 }, change =>
        {
            if (!IsSeen(KernelSources.Library("6.12", change)))
            {
                lock (unseen)
                {
                    unseen.Add(change);
                }
            }
        });
        Assert.True(unseen.Count == 0, string.Join("\n", unseen));
    }

    private static bool IsSeen(string library)
    {
        for (int seed = 0; seed < 30; seed++)
        {
            try
            {
                using var world = new World(library, (seed % 3) switch { 0 => 60, 1 => 30, _ => 400 }, seed);
                world.Run(600);
            }
            catch (OracleDifference)
            {
                return true;
            }
        }

        return false;
    }
}
