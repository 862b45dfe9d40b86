using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>What the processor knows of one EPC page. SDM 3D, "ENCLAVE PAGE CACHE MAP (EPCM)". 24 bytes.</summary>
public struct EpcmEntry
{
    [Flags]
    private enum Bits : byte
    {
        R = 1, W = 2, X = 4, Pending = 8, Modified = 16, Pr = 32, Blocked = 64, Valid = 128,
    }

    private const Bits StateOfSecinfo = Bits.R | Bits.W | Bits.X | Bits.Pending | Bits.Modified | Bits.Pr;

    private Bits bits;

    /// <summary>EPCM.PT.</summary>
    public PageType PageType { get; internal set; }

    /// <summary>EPCM.ENCLAVESECS: the page of the owner's SECS; none for a SECS and a VA page.</summary>
    public EpcPage EnclaveSecs { get; internal set; }

    /// <summary>EPCM.ENCLAVEADDRESS; 0 for a SECS and a VA page.</summary>
    public LinearAddress EnclaveAddress { get; internal set; }

    /// <summary>The enclave's epoch when the page was last blocked, restricted or modified; 0 for never.</summary>
    internal uint TrackEpoch;

    /// <summary>EPCM.VALID.</summary>
    public bool Valid { readonly get => Has(Bits.Valid); internal set => Set(Bits.Valid, value); }

    /// <summary>EPCM.BLOCKED.</summary>
    public bool Blocked { readonly get => Has(Bits.Blocked); internal set => Set(Bits.Blocked, value); }

    /// <summary>EPCM.PENDING.</summary>
    public bool Pending { readonly get => Has(Bits.Pending); internal set => Set(Bits.Pending, value); }

    /// <summary>EPCM.MODIFIED.</summary>
    public bool Modified { readonly get => Has(Bits.Modified); internal set => Set(Bits.Modified, value); }

    /// <summary>EPCM.PR.</summary>
    public bool Pr { readonly get => Has(Bits.Pr); internal set => Set(Bits.Pr, value); }

    /// <summary>EPCM.R.</summary>
    public readonly bool R => Has(Bits.R);

    /// <summary>EPCM.W.</summary>
    public readonly bool W => Has(Bits.W);

    /// <summary>EPCM.X.</summary>
    public readonly bool X => Has(Bits.X);

    /// <summary>EPCM.R, W and X.</summary>
    public SecinfoFlags Permissions
    {
        readonly get => (SecinfoFlags)bits & SecinfoFlags.PermissionMask;
        internal set => bits = (bits & ~(Bits.R | Bits.W | Bits.X)) | (Bits)(value & SecinfoFlags.PermissionMask);
    }

    /// <summary>The entry as SECINFO.FLAGS: permissions, PENDING, MODIFIED, PR and the type.</summary>
    public SecinfoFlags SecinfoFlags
    {
        readonly get => (SecinfoFlags)(bits & StateOfSecinfo) | (SecinfoFlags)((ulong)PageType << 8);
        internal set
        {
            bits = (bits & ~StateOfSecinfo) | ((Bits)value & StateOfSecinfo);
            PageType = (PageType)(((ulong)value >> 8) & 0xff);
        }
    }

    /// <summary>
    /// What enclave code may do with the page: its permissions, or nothing when an access faults whatever it is.
    /// SDM 3D, "Access-control Requirements".
    /// </summary>
    public readonly SecinfoFlags AllowedToEnclave =>
        Valid && !Blocked && !Pending && !Modified && PageType == PageType.Reg ? Permissions : 0;

    private readonly bool Has(Bits bit) => (bits & bit) != 0;

    private void Set(Bits bit, bool value) => bits = value ? bits | bit : bits & ~bit;
}
