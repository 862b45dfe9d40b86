using Cloister.Driver.Ioctls;

namespace Cloister.Driver.Generations;

/// <summary>The 2018 tree around "[PATCH v16] Intel SGX driver".</summary>
internal static class V16Table
{
    public static IReadOnlyList<IoctlRow> Rows { get; } =
        new TableBuilder(Generation.V16, "linux-sgx list, v16 of November 2018 and its tree")
            .TreeOf2018(first: 0)
            .Rows;
}
