using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Cloister.Linux;

namespace Cloister.Cli.Debugging;

/// <summary>The registers that a debugger is shown, in order. gdb manual, "i386 Features"; SDM 1, "XSAVE Area".</summary>
internal static class TargetDescription
{
    private const string Core = "org.gnu.gdb.i386.core", Sse = "org.gnu.gdb.i386.sse", Linux = "org.gnu.gdb.i386.linux",
        Segments = "org.gnu.gdb.i386.segments", Avx = "org.gnu.gdb.i386.avx";

    private const int HeaderOffset = 512, FirstVector = 160, FirstUpper = 576, X87 = 0, Vectors = 1, Uppers = 2;

    /// <summary>The registers.</summary>
    public static IReadOnlyList<RemoteRegister> Registers { get; } = [.. All()];

    /// <summary>The description.</summary>
    public static string Xml { get; } = Describe();

    /// <summary>A register's bytes as packets have them.</summary>
    public static string Read(RemoteRegister register, in UserRegisters general, ReadOnlySpan<byte> extended)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes = bytes[..(register.Bits / 8)];
        bytes.Clear();
        switch (register.Place)
        {
            case RemoteRegisterPlace.General:
                MemoryMarshal.AsBytes(new ReadOnlySpan<UserRegisters>(in general)).Slice(register.Offset, bytes.Length).CopyTo(bytes);
                break;
            case RemoteRegisterPlace.Tags:
                byte abridged = IsThere(register, extended) ? extended[register.Offset] : (byte)0;
                uint tags = 0;
                for (int i = 0; i < 8; i++)
                {
                    tags |= (abridged & 1 << i) == 0 ? 3u << (2 * i) : 0;
                }

                BinaryPrimitives.WriteUInt32LittleEndian(bytes, tags);
                break;
            default:
                bool isControl = register.Offset is 0 or 24;
                if (IsThere(register, extended) || (register.Offset == 24 && (Present(extended) & 6) != 0))
                {
                    // FCW, FSW and FOP have two bytes.
                    int length = register.Offset < 8 ? 2 : bytes.Length;
                    extended.Slice(register.Offset, length).CopyTo(bytes);
                }
                else if (isControl)
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(bytes, register.Offset == 0 ? 0x37fu : 0x1f80u);
                }

                break;
        }

        return Convert.ToHexStringLower(bytes);
    }

    /// <summary>Puts a register's bytes, as packets have them, where they belong.</summary>
    /// <returns>False where they are of another length, or cannot be written.</returns>
    public static bool Write(RemoteRegister register, ReadOnlySpan<byte> bytes, ref UserRegisters general, Span<byte> extended)
    {
        if (bytes.Length != register.Bits / 8)
        {
            return false;
        }

        switch (register.Place)
        {
            case RemoteRegisterPlace.General:
                bytes.CopyTo(MemoryMarshal.AsBytes(new Span<UserRegisters>(ref general)).Slice(register.Offset, bytes.Length));
                return true;
            case RemoteRegisterPlace.Tags:
                uint tags = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
                byte abridged = 0;
                for (int i = 0; i < 8; i++)
                {
                    abridged |= (byte)((tags >> (2 * i) & 3) != 3 ? 1 << i : 0);
                }

                Begin(register, extended);
                extended[register.Offset] = abridged;
                return true;
            default:
                Begin(register, extended);
                bytes[..(register.Offset < 8 ? 2 : bytes.Length)].CopyTo(extended[register.Offset..]);
                return true;
        }
    }

    private static ulong Present(ReadOnlySpan<byte> extended) => BinaryPrimitives.ReadUInt64LittleEndian(extended[HeaderOffset..]);

    private static bool IsThere(RemoteRegister register, ReadOnlySpan<byte> extended) =>
        (Present(extended) & 1UL << register.Component) != 0;

    // A component in its initial configuration has no bytes: it gets them.
    private static void Begin(RemoteRegister register, Span<byte> extended)
    {
        ulong present = Present(extended);
        if ((present & 1UL << register.Component) != 0)
        {
            return;
        }

        switch (register.Component)
        {
            case X87:
                extended[..24].Clear();
                extended.Slice(32, 128).Clear();
                BinaryPrimitives.WriteUInt16LittleEndian(extended, 0x37f);
                break;
            case Vectors:
                extended.Slice(FirstVector, 256).Clear();
                break;
            default:
                extended.Slice(FirstUpper, 256).Clear();
                break;
        }

        if ((present & 6) == 0)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(extended[24..], 0x1f80);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(extended[HeaderOffset..], present | 1UL << register.Component);
    }

    private static IEnumerable<RemoteRegister> All()
    {
        (string Name, string Field)[] general =
        [
            ("rax", nameof(UserRegisters.Rax)), ("rbx", nameof(UserRegisters.Rbx)), ("rcx", nameof(UserRegisters.Rcx)),
            ("rdx", nameof(UserRegisters.Rdx)),
            ("rsi", nameof(UserRegisters.Rsi)), ("rdi", nameof(UserRegisters.Rdi)), ("rbp", nameof(UserRegisters.Rbp)),
            ("rsp", nameof(UserRegisters.Rsp)),
            ("r8", nameof(UserRegisters.R8)), ("r9", nameof(UserRegisters.R9)), ("r10", nameof(UserRegisters.R10)),
            ("r11", nameof(UserRegisters.R11)),
            ("r12", nameof(UserRegisters.R12)), ("r13", nameof(UserRegisters.R13)), ("r14", nameof(UserRegisters.R14)),
            ("r15", nameof(UserRegisters.R15)),
            ("rip", nameof(UserRegisters.Rip)),
        ];
        foreach ((string name, string field) in general)
        {
            yield return General(name, 64, name is "rbp" or "rsp" ? "data_ptr" : name == "rip" ? "code_ptr" : "int64", Core, field);
        }

        yield return General("eflags", 32, "i386_eflags", Core, nameof(UserRegisters.Rflags));
        foreach ((string name, string field) in new[]
        {
            ("cs", nameof(UserRegisters.Cs)), ("ss", nameof(UserRegisters.Ss)), ("ds", nameof(UserRegisters.Ds)),
            ("es", nameof(UserRegisters.Es)),
            ("fs", nameof(UserRegisters.Fs)), ("gs", nameof(UserRegisters.Gs)),
        })
        {
            yield return General(name, 32, "int32", Core, field);
        }

        for (int i = 0; i < 8; i++)
        {
            yield return new RemoteRegister($"st{i}", 80, "i387_ext", Core, RemoteRegisterPlace.Extended, 32 + 16 * i, X87);
        }

        yield return Control("fctrl", 0);
        yield return Control("fstat", 2);
        yield return new RemoteRegister("ftag", 32, "int", Core, RemoteRegisterPlace.Tags, 4, X87);
        yield return Control("fiseg", 12);
        yield return Control("fioff", 8);
        yield return Control("foseg", 20);
        yield return Control("fooff", 16);
        yield return Control("fop", 6);
        for (int i = 0; i < 16; i++)
        {
            yield return new RemoteRegister($"xmm{i}", 128, "vec128", Sse, RemoteRegisterPlace.Extended, FirstVector + 16 * i, Vectors);
        }

        yield return new RemoteRegister("mxcsr", 32, "i386_mxcsr", Sse, RemoteRegisterPlace.Extended, 24, Vectors);
        yield return General("orig_rax", 64, "int64", Linux, nameof(UserRegisters.OrigRax));
        yield return General("fs_base", 64, "int64", Segments, nameof(UserRegisters.FsBase));
        yield return General("gs_base", 64, "int64", Segments, nameof(UserRegisters.GsBase));
        for (int i = 0; i < 16; i++)
        {
            yield return new RemoteRegister($"ymm{i}h", 128, "uint128", Avx, RemoteRegisterPlace.Extended, FirstUpper + 16 * i, Uppers);
        }
    }

    private static RemoteRegister Control(string name, int offset) => new(name, 32, "int", Core, RemoteRegisterPlace.Extended, offset, X87);

    private static RemoteRegister General(string name, int bits, string type, string feature, string field) =>
        new(name, bits, type, feature, RemoteRegisterPlace.General, (int)Marshal.OffsetOf<UserRegisters>(field));

    private static string Describe()
    {
        var xml = new StringBuilder("<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target version=\"1.0\">\n"
            + "<architecture>i386:x86-64</architecture>\n<osabi>GNU/Linux</osabi>\n");
        int number = 0;
        foreach (IGrouping<string, RemoteRegister> feature in Registers.GroupBy(register => register.Feature))
        {
            xml.Append(CultureInfo.InvariantCulture, $"<feature name=\"{feature.Key}\">\n").Append(feature.Key switch
            {
                Core => Flags("i386_eflags",
                    ["CF", "", "PF", "", "AF", "", "ZF", "SF", "TF", "IF", "DF", "OF", "", "", "NT", "", "RF", "VM", "AC",
                        "VIF", "VIP", "ID"]),
                Sse => Vector()
                    + Flags("i386_mxcsr", ["IE", "DE", "ZE", "OE", "UE", "PE", "DAZ", "IM", "DM", "ZM", "OM", "UM", "PM", "", "", "FZ"]),
                _ => "",
            });
            foreach (RemoteRegister register in feature)
            {
                xml.Append(CultureInfo.InvariantCulture,
                    $"<reg name=\"{register.Name}\" bitsize=\"{register.Bits}\" type=\"{register.Type}\" regnum=\"{number++}\"/>\n");
            }

            xml.Append("</feature>\n");
        }

        return xml.Append("</target>\n").ToString();
    }

    private static string Flags(string name, string[] bits)
    {
        var text = new StringBuilder($"<flags id=\"{name}\" size=\"4\">\n");
        for (int bit = 0; bit < bits.Length; bit++)
        {
            if (bits[bit].Length > 0)
            {
                text.Append(CultureInfo.InvariantCulture, $"<field name=\"{bits[bit]}\" start=\"{bit}\" end=\"{bit}\"/>\n");
            }
        }

        return text.Append("</flags>\n").ToString();
    }

    private static string Vector()
    {
        (string Name, string Type, int Count)[] views = [("v4_float", "ieee_single", 4), ("v2_double", "ieee_double", 2),
            ("v16_int8", "int8", 16), ("v8_int16", "int16", 8), ("v4_int32", "int32", 4), ("v2_int64", "int64", 2)];
        return string.Concat(views.Select(view => $"<vector id=\"{view.Name}_\" type=\"{view.Type}\" count=\"{view.Count}\"/>\n"))
            + "<union id=\"vec128\">\n" + string.Concat(views.Select(view => $"<field name=\"{view.Name}\" type=\"{view.Name}_\"/>\n"))
            + "<field name=\"uint128\" type=\"uint128\"/>\n</union>\n";
    }
}
