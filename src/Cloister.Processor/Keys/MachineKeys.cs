using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;

namespace Cloister.Processor.Keys;

/// <summary>
/// The keys of one machine. What lasts (the fuses and the owner epoch) comes from the root key;
/// what a power cycle renews (the paging key and the report KEYID) is random.
/// </summary>
internal sealed class MachineKeys
{
    private const int PagingMacSize = 16;

    private readonly byte[] derivation;
    private readonly Bytes16 ownerepoch;
    private readonly Bytes16 sealKeyFuses;

    public MachineKeys(ReadOnlySpan<byte> rootKey, ReadOnlySpan<byte> ownerEpoch)
    {
        derivation = Derive(rootKey, "derivation"u8).ToArray();
        (ownerEpoch.IsEmpty ? Derive(rootKey, "ownerepoch"u8) : ownerEpoch).CopyTo(ownerepoch);
        Derive(rootKey, "sealfuses"u8).CopyTo(sealKeyFuses);
        Renew();
    }

    /// <summary>CR_BASE_PK in its cipher: encrypts evicted pages. Kept, for to set a key costs as much as to encrypt a page.</summary>
    public AesGcm Paging { get; private set; }

    /// <summary>CR_REPORT_KEYID.</summary>
    public byte[] ReportKeyid { get; private set; } = [];

    /// <summary>CR_SGXOWNEREPOCH.</summary>
    public ref readonly Bytes16 Ownerepoch => ref ownerepoch;

    /// <summary>CR_SEAL_FUSES.</summary>
    public ref readonly Bytes16 SealKeyFuses => ref sealKeyFuses;

    /// <summary>What happens at power on, and at EUPDATESVN.</summary>
    [MemberNotNull(nameof(Paging))]
    public void Renew()
    {
        Paging?.Dispose();
        Paging = new AesGcm(RandomNumberGenerator.GetBytes(16), PagingMacSize);
        ReportKeyid = RandomNumberGenerator.GetBytes(32);
    }

    /// <summary>derivekey of the SDM: 16 bytes.</summary>
    public void DeriveKey(in KeyDependencies dependencies, Span<byte> key)
        => Cmac.Compute(derivation, MemoryMarshal.AsBytes(new ReadOnlySpan<KeyDependencies>(in dependencies)), key);

    private static ReadOnlySpan<byte> Derive(ReadOnlySpan<byte> rootKey, ReadOnlySpan<byte> purpose)
        => HMACSHA256.HashData(rootKey, purpose).AsSpan(0, 16);
}
