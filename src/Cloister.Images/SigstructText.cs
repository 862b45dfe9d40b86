using System.Globalization;
using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Images;

/// <summary>One field of a SIGSTRUCT, for a reader.</summary>
/// <param name="Name">The SDM's word.</param>
/// <param name="Offset">Bytes from the beginning of the SIGSTRUCT.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Value">The value; bytes in hexadecimal as they stand.</param>
/// <param name="Meaning">What it says, or null when the value says it.</param>
public sealed record SigstructField(string Name, int Offset, int Size, string Value, string? Meaning = null);

/// <summary>A SIGSTRUCT in words. SDM 3D, "ENCLAVE SIGNATURE STRUCTURE (SIGSTRUCT)".</summary>
public static class SigstructText
{
    private static readonly (ulong Bit, string Name)[] AttributeNames =
    [
        ((ulong)AttributeFlags.Init, "INIT"), ((ulong)AttributeFlags.Debug, "DEBUG"), ((ulong)AttributeFlags.Mode64Bit, "MODE64BIT"),
        ((ulong)AttributeFlags.ProvisionKey, "PROVISIONKEY"), ((ulong)AttributeFlags.EinittokenKey, "EINITTOKEN_KEY"),
        ((ulong)AttributeFlags.Cet, "CET"), ((ulong)AttributeFlags.Kss, "KSS"), ((ulong)AttributeFlags.AexNotify, "AEXNOTIFY"),
    ];

    // SDM 1, "XCR0".
    private static readonly (ulong Bit, string Name)[] XfrmNames =
    [
        (1UL << 0, "x87"), (1UL << 1, "SSE"), (1UL << 2, "AVX"), (1UL << 3, "BNDREGS"), (1UL << 4, "BNDCSR"), (1UL << 5, "opmask"),
        (1UL << 6, "ZMM_Hi256"), (1UL << 7, "Hi16_ZMM"), (1UL << 9, "PKRU"), (1UL << 17, "TILECFG"), (1UL << 18, "TILEDATA"),
    ];

    private static readonly (ulong Bit, string Name)[] MiscselectNames =
        [((ulong)Miscselect.Exinfo, "EXINFO"), ((ulong)Miscselect.Cpinfo, "CPINFO")];

    /// <summary>All fields, in their order.</summary>
    public static IReadOnlyList<SigstructField> Fields(in Sigstruct sigstruct)
    {
        Sigstruct s = sigstruct;
        return
        [
            new("HEADER", 0, 16, Hex(s.Header)),
            new("VENDOR", 16, 4, $"0x{s.Vendor:x}", s.Vendor switch { 0 => "not Intel", 0x8086 => "Intel", _ => "neither 0 nor Intel" }),
            new("DATE", 20, 4, $"0x{s.Date:x8}", DescribeDate(s.Date)),
            new("HEADER2", 24, 16, Hex(s.Header2)),
            new("SWDEFINED", 40, 4, $"0x{s.Swdefined:x}"),
            new("RESERVED (44)", 44, 84, Zeros(s.Reserved1)),
            new("MODULUS", 128, 384, Hex(s.Modulus), $"MRSIGNER {Mrsigner(s)}"),
            new("EXPONENT", 512, 4, $"{s.Exponent}"),
            new("SIGNATURE", 516, 384, Hex(s.Signature)),
            new("MISCSELECT", 900, 4, $"0x{(uint)s.Miscselect:x}", Names((ulong)s.Miscselect, MiscselectNames)),
            new("MISCMASK", 904, 4, $"0x{(uint)s.Miscmask:x}", Names((ulong)s.Miscmask, MiscselectNames)),
            new("CET_ATTRIBUTES", 908, 1, $"0x{s.CetAttributes:x}"),
            new("CET_ATTRIBUTES_MASK", 909, 1, $"0x{s.CetAttributesMask:x}"),
            new("RESERVED (910)", 910, 2, $"0x{s.Reserved2:x}"),
            new("ISVFAMILYID", 912, 16, Hex(s.Isvfamilyid)),
            new("ATTRIBUTES.FLAGS", 928, 8, $"0x{(ulong)s.Attributes.Flags:x}", Describe(s.Attributes.Flags)),
            new("ATTRIBUTES.XFRM", 936, 8, $"0x{s.Attributes.Xfrm:x}", DescribeXfrm(s.Attributes.Xfrm)),
            new("ATTRIBUTEMASK.FLAGS", 944, 8, $"0x{(ulong)s.Attributemask.Flags:x}", Describe(s.Attributemask.Flags)),
            new("ATTRIBUTEMASK.XFRM", 952, 8, $"0x{s.Attributemask.Xfrm:x}", DescribeXfrm(s.Attributemask.Xfrm)),
            new("ENCLAVEHASH", 960, 32, Hex(s.Enclavehash), "MRENCLAVE"),
            new("RESERVED (992)", 992, 16, Zeros(s.Reserved3)),
            new("ISVEXTPRODID", 1008, 16, Hex(s.Isvextprodid)),
            new("ISVPRODID", 1024, 2, $"{s.Isvprodid}"),
            new("ISVSVN", 1026, 2, $"{s.Isvsvn}"),
            new("RESERVED (1028)", 1028, 12, Zeros(s.Reserved4)),
            new("Q1", 1040, 384, Hex(s.Q1)),
            new("Q2", 1424, 384, Hex(s.Q2)),
        ];
    }

    /// <summary>The name of the field that a byte belongs to.</summary>
    /// <param name="offset">Bytes from the beginning of the SIGSTRUCT, below 1808.</param>
    public static string FieldAt(int offset)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(offset, Sigstruct.SizeInBytes);
        Sigstruct none = default;
        return Fields(in none).Last(field => field.Offset <= offset).Name;
    }

    /// <summary>MRSIGNER: 64 hexadecimal digits.</summary>
    public static string Mrsigner(in Sigstruct sigstruct)
    {
        Span<byte> digest = stackalloc byte[32];
        SigstructVerifier.Mrsigner(Bytes(in sigstruct), digest);
        return Convert.ToHexStringLower(digest);
    }

    /// <summary>MRENCLAVE as the SIGSTRUCT has it: 64 hexadecimal digits.</summary>
    public static string Enclavehash(in Sigstruct sigstruct) => Hex(sigstruct.Enclavehash);

    /// <summary>The 1808 bytes.</summary>
    public static ReadOnlySpan<byte> Bytes(in Sigstruct sigstruct) => MemoryMarshal.AsBytes(new ReadOnlySpan<Sigstruct>(in sigstruct));

    /// <summary>The day a SIGSTRUCT was made, or null when it is none.</summary>
    /// <param name="date">DATE, yyyymmdd in BCD.</param>
    /// <param name="isSwapped">Whether the bytes are in the wrong order, as Gramine's and Graphene's signers once wrote them.</param>
    public static DateOnly? ReadDate(uint date, out bool isSwapped)
    {
        isSwapped = false;
        if (ParseDate($"{date:x8}") is { } day)
        {
            return day;
        }

        uint swapped = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(date);
        isSwapped = true;

        // Those signers wrote day, month and a 16-bit year as plain numbers; others only turned the BCD round.
        return ParseDate($"{swapped:x8}") ?? FromNumbers(date) ?? FromNumbers(swapped);
    }

    /// <summary>DATE in words.</summary>
    public static string DescribeDate(uint date) => ReadDate(date, out bool swapped) switch
    {
        null => date == 0 ? "none" : "no date",
        { } day when swapped => $"{day:yyyy-MM-dd}, not in the SDM's form: bytes swapped or binary instead of BCD",
        { } day => $"{day:yyyy-MM-dd}",
    };

    /// <summary>ATTRIBUTES.FLAGS or its mask in words.</summary>
    public static string Describe(AttributeFlags flags) => Names((ulong)flags, AttributeNames);

    /// <summary>XFRM or its mask in words.</summary>
    public static string DescribeXfrm(ulong xfrm) => Names(xfrm, XfrmNames);

    private static DateOnly? ParseDate(string text)
        => DateOnly.TryParseExact(text, "yyyyMMdd", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateOnly day)
            && day.Year is >= 2009 and < 2100
            ? day
            : null;

    private static DateOnly? FromNumbers(uint date)
    {
        int year = (int)(date & 0xffff);
        int month = (int)((date >> 16) & 0xff);
        int day = (int)(date >> 24);
        return year is >= 2009 and < 2100 && month is >= 1 and <= 12 && day >= 1 && day <= DateTime.DaysInMonth(year, month)
            ? new DateOnly(year, month, day)
            : null;
    }

    private static string Names(ulong bits, (ulong Bit, string Name)[] names)
    {
        if (bits == 0)
        {
            return "none";
        }

        var words = new List<string>();
        foreach ((ulong bit, string name) in names)
        {
            if ((bits & bit) != 0)
            {
                words.Add(name);
                bits &= ~bit;
            }
        }

        if (bits != 0)
        {
            words.Add($"other bits 0x{bits:x}");
        }

        return string.Join(" ", words);
    }

    private static string Zeros(ReadOnlySpan<byte> bytes) => bytes.IndexOfAnyExcept((byte)0) < 0 ? "zero" : Hex(bytes);

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);
}
