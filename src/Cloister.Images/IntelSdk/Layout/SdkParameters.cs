using System.Buffers.Binary;
using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>
/// The configuration for one release, looked through. manage_metadata.cpp, check_xml_parameter, fill_enclave_css, modify_metadata,
/// check_config.
/// </summary>
internal sealed class SdkParameters
{
    private const ulong AvxXfrm = 6;
    private const ulong Avx512Xfrm = 0xe6;
    private const ulong PkruXfrm = 0x200;
    private const ulong AmxXfrm = 0x60000;
    private const ulong MpxXfrm = 0x18;
    private const ulong NonCheckBits = 0x00ff_0000_0000_0000;
    private const uint Enabled = 1;
    private const uint LoaderSelects = 2;

    private static readonly string[] KssElements = ["ISVFAMILYID_H", "ISVFAMILYID_L", "ISVEXTPRODID_H", "ISVEXTPRODID_L"];

    private readonly IntelSdkConfiguration configuration;
    private readonly SdkRelease release;

    public SdkParameters(IntelSdkConfiguration configuration, SdkRelease release)
    {
        this.configuration = configuration;
        this.release = release;
        RequireKnown();
        StackMaximum = Pages("StackMaxSize");
        StackMinimum = configuration.Has("StackMinSize") ? Pages("StackMinSize") : release.StackMinimum / SdkLayoutTable.PageSize;
        HeapMaximum = Pages("HeapMaxSize");
        HeapMinimum = Pages("HeapMinSize");
        HeapInitial = configuration.Has("HeapInitSize") ? Pages("HeapInitSize") : HeapMaximum;
        ReservedMaximum = Pages("ReservedMemMaxSize");
        ReservedMinimum = Pages("ReservedMemMinSize");
        ReservedInitial = configuration.Has("ReservedMemInitSize") ? Pages("ReservedMemInitSize") : ReservedMaximum;
        UserRegion = Pages("UserRegionSize");
        Threads = (uint)configuration["TCSNum"];
        ThreadsMaximum = configuration.Has("TCSMaxNum") ? (uint)configuration["TCSMaxNum"] : Threads;
        MinimumPool = (uint)configuration["TCSMinPool"];
        Policy = (uint)configuration["TCSPolicy"];
        IsReservedExecutable = configuration.IsSet("ReservedMemExecutable");
        RequireOrder();
        SetXfrm();
        WantSgx1 = WantSgx2 = true;
        if (release.HasMemoryManager)
        {
            (WantSgx1, WantSgx2) = Versions();
        }
    }

    public ulong StackMaximum { get; }

    public ulong StackMinimum { get; }

    public ulong HeapMaximum { get; }

    public ulong HeapInitial { get; }

    public ulong HeapMinimum { get; }

    public ulong ReservedMaximum { get; }

    public ulong ReservedInitial { get; }

    public ulong ReservedMinimum { get; }

    public bool IsReservedExecutable { get; }

    public ulong UserRegion { get; }

    public uint Threads { get; }

    public uint ThreadsMaximum { get; }

    public uint MinimumPool { get; }

    public uint Policy { get; }

    // Threads beside the first: those that stay, and those that the SDK takes away when it can add others.
    public uint StaticThreads => Math.Min(MinimumPool, Threads - 1);

    public uint RemovedThreads => Threads - 1 - StaticThreads;

    public bool HasDynamicThreads => ThreadsMaximum > StaticThreads + 1;

    /// <summary>The loader of machines without dynamic memory finds its metadata, and that of machines with it.</summary>
    public bool WantSgx1 { get; }

    public bool WantSgx2 { get; }

    public Miscselect Miscselect => (Miscselect)(uint)configuration["MiscSelect"];

    public Miscselect Miscmask => (Miscselect)(uint)configuration["MiscMask"];

    public bool HasAexNotify => configuration.IsSet("EnableAEXNotify");

    /// <summary>XFRM of the metadata: all that is not enforced, and what is enforced set.</summary>
    public ulong MetadataXfrm { get; private set; }

    public uint XsaveSize { get; private set; }

    public AttributeFlags Flags
        => AttributeFlags.Mode64Bit
            | (configuration.IsSet("ProvisionKey") ? AttributeFlags.ProvisionKey : 0)
            | (configuration.IsSet("LaunchKey") ? AttributeFlags.EinittokenKey : 0)
            | (configuration.IsSet("EnableKSS") ? AttributeFlags.Kss : 0)
            | (HasAexNotify ? AttributeFlags.AexNotify : 0);

    public (ulong ImageAddress, ulong RangeAddress, ulong RangeSize)? Elrange => configuration.IsSet("ELRangeSize")
        ? (configuration["EnclaveImageAddress"], configuration["ELRangeStartAddress"], configuration["ELRangeSize"])
        : null;

    public SigningParameters Signing { get; private set; } = new();

    private void RequireKnown()
    {
        foreach ((string name, bool known) in new[]
        {
            ("ReservedMemMaxSize", release.HasReservedMemory), ("ReservedMemExecutable", release.HasReservedExecutable),
            ("EnableKSS", release.Number >= new Version(2, 4)),
            ("ELRangeSize", release.HasElrange), ("PKRU", release.HasPkru), ("AMX", release.HasMemoryManager),
            ("UserRegionSize", release.HasMemoryManager),
            ("EnableAEXNotify", release.HasAexNotify),
        })
        {
            if (configuration.IsSet(name) && !known)
            {
                throw new ImageException($"{name} of the configuration is newer than SDK {release.Number}, which the file was built with");
            }
        }

        foreach (string fips in new[] { "EnableIPPFIPS", "EnableOSSLFIPS" })
        {
            if (configuration.IsSet(fips))
            {
                throw new ImageException(
                    $"{fips} of the configuration is for sgx_sign only: it signs or appends a cryptographic module besides");
            }
        }
    }

    private void RequireOrder()
    {
        Require(StackMinimum <= StackMaximum, "StackMinSize is more than StackMaxSize");
        Require(HeapInitial <= HeapMaximum, "HeapInitSize is more than HeapMaxSize");
        Require(HeapMinimum <= HeapInitial, configuration.Has("HeapInitSize") ? "HeapMinSize is more than HeapInitSize"
            : "HeapMinSize is more than HeapMaxSize");
        Require(ReservedInitial <= ReservedMaximum, "ReservedMemInitSize is more than ReservedMemMaxSize");
        Require(ReservedMinimum <= ReservedInitial, "ReservedMemMinSize is more than ReservedMemInitSize or ReservedMemMaxSize");
        Require(configuration.IsSet("HW") == configuration.IsSet("LaunchKey"), "HW and LaunchKey go together");
        Require(ThreadsMaximum >= Threads, "TCSMaxNum is less than TCSNum");
        Require(!configuration.Has("TCSMinPool") || MinimumPool <= ThreadsMaximum, "TCSMinPool is more than all threads there can be");
        Require(
            configuration.IsSet("EnableKSS") || !KssElements.Any(configuration.IsSet),
            "ISVFAMILYID and ISVEXTPRODID need EnableKSS");
        Require(
            configuration.IsSet("ELRangeSize") || !(configuration.Has("EnclaveImageAddress") || configuration.Has("ELRangeStartAddress")),
            "EnclaveImageAddress and ELRangeStartAddress need ELRangeSize");
        if (Elrange is { } range)
        {
            Require(ulong.IsPow2(range.RangeSize), "ELRangeSize is no power of two");
            Require((range.RangeAddress & (range.RangeSize - 1)) == 0, "ELRangeStartAddress is no multiple of ELRangeSize");
            Require(range.ImageAddress % SdkLayoutTable.PageSize == 0 && range.ImageAddress >= range.RangeAddress,
                "EnclaveImageAddress is in the middle of a page or below ELRangeStartAddress");
        }
    }

    private void SetXfrm()
    {
        ulong mask = Attributes.XfrmLegacy | release.ReservedXfrm;
        ulong xfrm = Attributes.XfrmLegacy;
        foreach ((string name, ulong bits, bool known) in new[] { ("PKRU", PkruXfrm, release.HasPkru),
            ("AMX", AmxXfrm, release.HasMemoryManager) })
        {
            ulong choice = configuration[name];
            xfrm |= known && choice == Enabled ? bits : 0;
            mask |= known && choice != LoaderSelects ? bits : 0;
        }

        MetadataXfrm = ~mask | (xfrm & mask);

        // get_xsave_size: the last row whose components are all there.
        uint size = 0;
        foreach ((ulong bits, uint bytes) in new[] { (Attributes.XfrmLegacy, 576u), (AvxXfrm, 832u), (MpxXfrm, 1088u), (Avx512Xfrm, 2688u),
            (PkruXfrm, 2752u), (AmxXfrm, 11008u) })
        {
            size = (MetadataXfrm & bits) == bits ? bytes : size;
        }

        XsaveSize = size;
        var maskFlags = (AttributeFlags)~((ulong)AttributeFlags.Debug | (release.HasMemoryManager ? NonCheckBits : 0));
        Signing = new SigningParameters
        {
            Vendor = configuration.IsSet("IntelSigned") ? 0x8086u : 0,
            Swdefined = (uint)configuration["HW"],
            Isvprodid = (ushort)configuration["ProdID"],
            Isvsvn = (ushort)configuration["ISVSVN"],
            Isvfamilyid = Pair("ISVFAMILYID_L", "ISVFAMILYID_H"),
            Isvextprodid = Pair("ISVEXTPRODID_L", "ISVEXTPRODID_H"),
            Attributes = new Attributes(Flags, xfrm),
            Attributemask = new Attributes(configuration.IsSet("DisableDebug") ? maskFlags | AttributeFlags.Debug : maskFlags, mask),
            Miscselect = Miscselect,
            Miscmask = Miscmask,
        };
    }

    // check_config: bit 0 of MISCSELECT, EXINFO, is what the SDK takes for a machine with dynamic memory.
    private (bool Sgx1, bool Sgx2) Versions()
    {
        bool enforced = ((uint)Miscmask & 1) != 0;
        bool selected = ((uint)Miscselect & 1) != 0;
        if (UserRegion > 0)
        {
            Require(enforced && selected, "UserRegionSize needs bit 0 of MiscSelect and of MiscMask");
            return (false, true);
        }

        bool isDynamic = HeapInitial != HeapMinimum || HeapInitial != HeapMaximum || StackMaximum != StackMinimum
            || ReservedInitial != ReservedMinimum || ReservedInitial != ReservedMaximum || ThreadsMaximum != StaticThreads + 1;
        return isDynamic && selected ? (!enforced, true) : (true, false);
    }

    private ulong Pages(string element)
    {
        ulong bytes = configuration[element];
        Require(bytes % SdkLayoutTable.PageSize == 0, $"{element} is no whole number of pages");
        ulong pages = bytes / SdkLayoutTable.PageSize;
        Require(pages <= uint.MaxValue, $"{element} is more than any enclave has");
        return pages;
    }

    private byte[] Pair(string low, string high)
    {
        byte[] bytes = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, configuration[low]);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8), configuration[high]);
        return bytes;
    }

    private static void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new ImageException($"the configuration cannot be used: {what}");
        }
    }
}
