namespace Cloister.Processor;

/// <summary>Comparison of CPUSVNs. The manual leaves their coding open; ours is a version in each byte.</summary>
internal static class SecurityVersion
{
    /// <summary>Whether any component of a CPUSVN is newer than this processor's.</summary>
    public static bool IsBeyond(ReadOnlySpan<byte> cpusvn, ReadOnlySpan<byte> current)
    {
        for (int i = 0; i < current.Length; i++)
        {
            if (cpusvn[i] > current[i])
            {
                return true;
            }
        }

        return false;
    }
}
