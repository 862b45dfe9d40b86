namespace Cloister.Linux;

/// <summary>A resource limit of a process. getrlimit(2).</summary>
/// <param name="Resource">RLIMIT_ number: uapi asm-generic/resource.h.</param>
/// <param name="Soft">What counts.</param>
/// <param name="Hard">How far the soft limit may be raised; <see cref="ulong.MaxValue"/> for no limit.</param>
public readonly unsafe record struct ResourceLimit(int Resource, ulong Soft, ulong Hard)
{
    /// <summary>RLIMIT_NOFILE: descriptors.</summary>
    public const int OpenFiles = 7;

    private const long ResourceLimitCall = 302; // prlimit64

    /// <summary>A process's limit; null when it may not be asked for.</summary>
    public static ResourceLimit? Of(int process, int resource)
    {
        ulong* limits = stackalloc ulong[2];
        return NativeMethods.SystemCall(ResourceLimitCall, process, resource, 0, (long)limits, 0, 0) < 0 ? null
            : new(resource, limits[0], limits[1]);
    }

    /// <summary>Gives it to a process; false when that is not permitted.</summary>
    public bool Apply(int process)
    {
        ulong* limits = stackalloc ulong[2] { Soft, Hard };
        return NativeMethods.SystemCall(ResourceLimitCall, process, Resource, (long)limits, 0, 0, 0) == 0;
    }
}
