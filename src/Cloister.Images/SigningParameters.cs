using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>What a signer chooses.</summary>
public sealed record SigningParameters
{
    /// <summary>VENDOR: 0, or 0x8086 for Intel.</summary>
    public uint Vendor { get; init; }

    /// <summary>SWDEFINED, the signer's own.</summary>
    public uint Swdefined { get; init; }

    /// <summary>ISVPRODID.</summary>
    public ushort Isvprodid { get; init; }

    /// <summary>ISVSVN.</summary>
    public ushort Isvsvn { get; init; }

    /// <summary>ISVFAMILYID, 16 bytes or none (KSS).</summary>
    public ReadOnlyMemory<byte> Isvfamilyid { get; init; }

    /// <summary>ISVEXTPRODID, 16 bytes or none (KSS).</summary>
    public ReadOnlyMemory<byte> Isvextprodid { get; init; }

    /// <summary>ATTRIBUTES.</summary>
    public Attributes Attributes { get; init; } = new(AttributeFlags.Mode64Bit, Attributes.XfrmLegacy);

    /// <summary>
    /// ATTRIBUTEMASK. By default everything is enforced except DEBUG, INIT and the XSAVE components beyond x87 and SSE,
    /// as the Intel SDK's signer has it (sdk/sign_tool/SignTool/manage_metadata.cpp, fill_enclave_css).
    /// </summary>
    public Attributes Attributemask { get; init; }
        = new(~(AttributeFlags.Debug | AttributeFlags.Init), Attributes.XfrmLegacy | ~0xe7UL);

    /// <summary>MISCSELECT.</summary>
    public Miscselect Miscselect { get; init; }

    /// <summary>MISCMASK.</summary>
    public Miscselect Miscmask { get; init; } = (Miscselect)uint.MaxValue;

    /// <summary>The choices of an existing SIGSTRUCT, for signing anew.</summary>
    public static SigningParameters From(in Sigstruct sigstruct) => new()
    {
        Vendor = sigstruct.Vendor,
        Swdefined = sigstruct.Swdefined,
        Isvprodid = sigstruct.Isvprodid,
        Isvsvn = sigstruct.Isvsvn,
        Isvfamilyid = ((ReadOnlySpan<byte>)sigstruct.Isvfamilyid).ToArray(),
        Isvextprodid = ((ReadOnlySpan<byte>)sigstruct.Isvextprodid).ToArray(),
        Attributes = sigstruct.Attributes,
        Attributemask = sigstruct.Attributemask,
        Miscselect = sigstruct.Miscselect,
        Miscmask = sigstruct.Miscmask,
    };
}
