using System.Security.Cryptography;
using Cloister.Processor;

namespace Cloister.Attestation.Platforms;

/// <summary>A machine: what it is made of, and what may change of it.</summary>
/// <param name="RootKey">32 bytes that all keys come from.</param>
/// <param name="Settings">The rest.</param>
public sealed record Platform(ReadOnlyMemory<byte> RootKey, PlatformSettings Settings)
{
    /// <summary>Bytes of a root key.</summary>
    public const int RootKeyLength = 32;

    /// <summary>The machine, as far as keys and REPORTs go.</summary>
    public MachineOptions Machine => Apply(new MachineOptions { RootKey = RootKey });

    /// <summary>The platform instance's identifier in the PCK certificate, 16 bytes.</summary>
    public byte[] InstanceId => HMACSHA256.HashData(RootKey.Span, "platform instance"u8)[..16];

    /// <summary>Puts the settings into a machine's options.</summary>
    public MachineOptions Apply(MachineOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options with
        {
            Cpusvn = Convert.FromHexString(Settings.Cpusvn),
            UpdatedCpusvn = Convert.FromHexString(Settings.PendingCpusvn),
            OwnerEpoch = Convert.FromHexString(Settings.OwnerEpoch),
        };
    }
}
