namespace Cloister.Linux;

/// <summary>
/// The last descriptors of this process are its own: the runtime and /proc are read by them. What stays open for a program must leave them.
/// </summary>
public static class DescriptorReserve
{
    private const ulong Reserved = 10;

    private static readonly Lazy<ulong> s_most = new(
        () => ResourceLimit.Of(0, ResourceLimit.OpenFiles) is { } limit ? limit.Soft - Math.Min(limit.Soft, Reserved) : ulong.MaxValue);

    /// <summary>Whether a descriptor leaves the reserve alone.</summary>
    public static bool Allows(int descriptor) => (ulong)descriptor < s_most.Value;
}
