using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Cloister.Architecture.Tests;

/// <summary>Sizes and offsets of the structures, as the tables of SDM 3D, "Intel SGX Data Structures", have them.</summary>
public class LayoutTests
{
    public static TheoryData<Type, int, string> Structures => new()
    {
        {
            typeof(Secs), 4096,
            "Size 0 8, BaseAddr 8 8, SsaFrameSize 16 4, Miscselect 20 4, CetLegBitmapOffset 24 8, CetAttributes 32 1, Reserved1 33 15, "
            + "Attributes 48 16, Mrenclave 64 32, Reserved2 96 32, Mrsigner 128 32, Reserved3 160 32, Configid 192 64, Isvprodid 256 2, "
            + "Isvsvn 258 2, Configsvn 260 2, Reserved4 262 3834"
        },
        {
            typeof(Tcs), 4096,
            "State 0 8, Flags 8 8, Ossa 16 8, Cssa 24 4, Nssa 28 4, Oentry 32 8, Aep 40 8, Ofsbase 48 8, Ogsbase 56 8, Fslimit 64 4, "
            + "Gslimit 68 4, Ocetssa 72 8, Prevssp 80 8, Reserved 88 4008"
        },
        { typeof(Secinfo), 64, "Flags 0 8, Reserved 8 56" },
        { typeof(Pageinfo), 32, "Linaddr 0 8, Srcpge 8 8, Secinfo 16 8, Secs 24 8" },
        { typeof(Pcmd), 128, "Secinfo 0 64, EnclaveId 64 8, Reserved 72 40, Mac 112 16" },
        {
            typeof(Sigstruct), 1808,
            "Header 0 16, Vendor 16 4, Date 20 4, Header2 24 16, Swdefined 40 4, Reserved1 44 84, Modulus 128 384, Exponent 512 4, "
            + "Signature 516 384, Miscselect 900 4, Miscmask 904 4, CetAttributes 908 1, CetAttributesMask 909 1, Reserved2 910 2, "
            + "Isvfamilyid 912 16, Attributes 928 16, Attributemask 944 16, Enclavehash 960 32, Reserved3 992 16, Isvextprodid 1008 16, "
            + "Isvprodid 1024 2, Isvsvn 1026 2, Reserved4 1028 12, Q1 1040 384, Q2 1424 384"
        },
        {
            typeof(Einittoken), 304,
            "Valid 0 4, Reserved1 4 44, Attributes 48 16, Mrenclave 64 32, Reserved2 96 32, Mrsigner 128 32, Reserved3 160 32, "
            + "Cpusvnle 192 16, Isvprodidle 208 2, Isvsvnle 210 2, CetMaskedAttributesLe 212 1, Reserved4 213 23, Maskedmiscselectle 236 4, "
            + "Maskedattributesle 240 16, Keyid 256 32, Mac 288 16"
        },
        {
            typeof(Keyrequest), 512,
            "Keyname 0 2, Keypolicy 2 2, Isvsvn 4 2, CetAttributesMask 6 1, Reserved1 7 1, Cpusvn 8 16, Attributemask 24 16, Keyid 40 32, "
            + "Miscmask 72 4, Configsvn 76 2, Reserved2 78 434"
        },
        {
            typeof(Targetinfo), 512,
            "Measurement 0 32, Attributes 32 16, CetAttributes 48 1, Reserved1 49 1, Configsvn 50 2, Miscselect 52 4, Reserved2 56 8, "
            + "Configid 64 64, Reserved3 128 384"
        },
        {
            typeof(ReportBody), 384,
            "Cpusvn 0 16, Miscselect 16 4, CetAttributes 20 1, Reserved1 21 11, Isvextprodid 32 16, Attributes 48 16, Mrenclave 64 32, "
            + "Reserved2 96 32, Mrsigner 128 32, Reserved3 160 32, Configid 192 64, Isvprodid 256 2, Isvsvn 258 2, Configsvn 260 2, "
            + "Reserved4 262 42, Isvfamilyid 304 16, Reportdata 320 64"
        },
        { typeof(Report), 432, "Body 0 384, Keyid 384 32, Mac 416 16" },
        {
            typeof(Gprsgx), 184,
            "Rax 0 8, Rcx 8 8, Rdx 16 8, Rbx 24 8, Rsp 32 8, Rbp 40 8, Rsi 48 8, Rdi 56 8, R8 64 8, R9 72 8, R10 80 8, R11 88 8, R12 96 8, "
            + "R13 104 8, R14 112 8, R15 120 8, Rflags 128 8, Rip 136 8, Ursp 144 8, Urbp 152 8, Exitinfo 160 4, Reserved1 164 2, "
            + "Reserved2 166 1, AexNotify 167 1, Fsbase 168 8, Gsbase 176 8"
        },
        { typeof(Exinfo), 16, "Maddr 0 8, Errcd 8 4, Reserved 12 4" },
        { typeof(Rdinfo), 24, "Status 0 8, Flags 8 8, EnclaveContext 16 8" },
    };

    [Theory]
    [MemberData(nameof(Structures))]
    public void A_structure_is_laid_out_as_in_the_manual(Type type, int size, string fields)
    {
        Assert.Equal(size, SizeOf(type));
        Assert.Equal(size, type.GetField("SizeInBytes")!.GetRawConstantValue());
        IEnumerable<string> actual = type.GetFields(BindingFlags.Instance | BindingFlags.Public)
            .Select(field => (field, offset: field.GetCustomAttribute<FieldOffsetAttribute>()!.Value))
            .OrderBy(pair => pair.offset)
            .Select(pair => $"{pair.field.Name} {pair.offset} {SizeOf(pair.field.FieldType)}");
        Assert.Equal(fields, string.Join(", ", actual));
    }

    [Theory]
    [MemberData(nameof(Structures))]
    public void A_structure_has_no_gap_and_no_overlap(Type type, int size, string fields)
    {
        int end = 0;
        foreach (string[] field in fields.Split(", ").Select(field => field.Split(' ')))
        {
            Assert.True(int.Parse(field[1]) == end, $"{type.Name}.{field[0]} begins at {field[1]} and not at {end}");
            end += int.Parse(field[2]);
        }

        Assert.Equal(size, end);
    }

    [Fact]
    public void Every_structure_is_in_the_table()
    {
        IEnumerable<string> structures = typeof(Secs).Assembly.GetTypes()
            .Where(type => type is { IsValueType: true, IsPublic: true } && type.GetField("SizeInBytes") is not null)
            .Select(type => type.Name);
        Assert.Equal(structures.Order(), Structures.Select(row => ((Type)row[0]).Name).Order());
    }

    [Fact]
    public void A_structure_is_read_and_written_whole()
    {
        byte[] bytes = new byte[Secs.SizeInBytes];
        new Random(1).NextBytes(bytes);
        Secs secs = MemoryMarshal.Read<Secs>(bytes);
        byte[] copy = new byte[Secs.SizeInBytes];
        MemoryMarshal.Write(copy, in secs);
        Assert.Equal(bytes, copy);
        Assert.Equal(BitConverter.ToUInt64(bytes, 0), secs.Size);
        Assert.Equal(BitConverter.ToUInt16(bytes, 260), secs.Configsvn);
        Assert.Equal(bytes[64..96], ((ReadOnlySpan<byte>)secs.Mrenclave).ToArray());
    }

    private static int SizeOf(Type type)
        => (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;
}
