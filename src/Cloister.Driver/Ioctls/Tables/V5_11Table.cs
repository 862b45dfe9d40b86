namespace Cloister.Driver.Ioctls.Tables;

/// <summary>Linux 5.11, the first with SGX: v22 of the patches to the merge.</summary>
internal static class V5_11Table
{
    public static IReadOnlyList<IoctlRow> Rows { get; } =
        new TableBuilder(Generation.V5_11, "Linux 5.11, arch/x86/kernel/cpu/sgx").Mainline().Rows;
}
