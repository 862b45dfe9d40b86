using Cloister.Architecture;

namespace Cloister.Processor.Keys;

/// <summary>The key that the MAC of a REPORT is made with: the target's. SDM 3D, EREPORT, TMP_KEYDEPENDENCIES.</summary>
internal static class ReportKey
{
    /// <summary>Derives it.</summary>
    /// <param name="keys">The machine's keys.</param>
    /// <param name="cpusvn">The machine's CPUSVN.</param>
    /// <param name="target">For whom the REPORT is.</param>
    /// <param name="keyid">The KEYID that the REPORT carries.</param>
    /// <param name="key">16 bytes.</param>
    public static void Derive(MachineKeys keys, ReadOnlySpan<byte> cpusvn, in Targetinfo target, in Bytes32 keyid, Span<byte> key)
    {
        KeyDependencies dependencies = new()
        {
            Keyname = KeyName.Report,
            Ownerepoch = keys.Ownerepoch,
            Attributes = target.Attributes,
            Mrenclave = target.Measurement,
            Keyid = keyid,
            SealKeyFuses = keys.SealKeyFuses,
            Miscselect = target.Miscselect,
            Configid = target.Configid,
            Configsvn = target.Configsvn,
        };
        cpusvn.CopyTo(dependencies.Cpusvn);
        keys.DeriveKey(dependencies, key);
    }
}
