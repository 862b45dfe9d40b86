using Cloister.Engine.Instructions;
using FsCheck;
using FsCheck.Fluent;
using Iced.Intel;

namespace Cloister.Engine.Tests.Instructions;

/// <summary>
/// What it knows is what the disassembler says, for every opcode and in real code; what it does not know is little of that.
/// </summary>
public class InstructionLengthTests
{
    private static readonly byte[] Prefixes = [0x66, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65];

    [Fact]
    public void Every_opcode_is_as_the_disassembler_has_it()
    {
        byte[] rest = [0x24, 0x91, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc];
        var defects = new List<string>();
        for (int opcode = 0; opcode < 512; opcode++)
        {
            for (int modRm = 0; modRm < 256; modRm++)
            {
                byte[] tail = [.. opcode < 256 ? (byte[])[(byte)opcode] : [0x0f, (byte)opcode], (byte)modRm, .. rest];
                Compare(tail, defects);
                for (int rex = 0x40; rex < 0x50; rex += 4)
                {
                    Compare([(byte)rex, .. tail], defects);
                    Compare([(byte)(rex | 8), .. tail], defects);
                }

                foreach (byte prefix in Prefixes)
                {
                    Compare([prefix, .. tail], defects);
                    Compare([prefix, 0x48, .. tail], defects);
                    Compare([0x66, prefix, .. tail], defects);
                    Compare([0xf3, prefix, 0x41, .. tail], defects);
                }
            }
        }

        Assert.Empty(defects.Distinct());
    }

    [Fact]
    public void Any_bytes_are_as_the_disassembler_has_them()
    {
        Gen<byte> bytes =
            Gen.OneOf(Gen.Elements<byte>([.. Prefixes, 0x0f, 0x48, 0x41, 0x4f, 0x67, 0xf0]), Gen.Choose(0, 255).Select(n => (byte)n));
        Prop.ForAll(bytes.ArrayOf(18).ToArbitrary(), code =>
        {
            var defects = new List<string>();
            for (int length = 0; length <= code.Length; length++)
            {
                Compare(code[..length], defects);
            }

            Assert.Empty(defects);
            return true;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(20_000));
    }

    [Fact]
    public void Most_of_real_code_is_known()
    {
        // The functions of a library, each up to its first instruction that is unknown.
        string library = File.ReadLines("/proc/self/maps").Select(line => line[(line.LastIndexOf(' ') + 1)..])
            .First(path => Path.GetFileName(path).StartsWith("libc.so", StringComparison.Ordinal));
        byte[] file = File.ReadAllBytes(library);
        int known = 0, unknown = 0;
        var defects = new List<string>();
        foreach (long start in FunctionStarts.Read(library).Where(start => start < file.Length - 64))
        {
            ReadOnlySpan<byte> code = file.AsSpan((int)start, 64);
            for (int length; !code.IsEmpty; code = code[length..])
            {
                length = Decode(code.ToArray(), out bool valid);
                if (!valid)
                {
                    break;
                }

                int said = InstructionLength.Of(code);
                (known, unknown) = said == 0 ? (known, unknown + 1) : (known + 1, unknown);
                if (said != 0 && said != length)
                {
                    defects.Add(Convert.ToHexString(code[..length]));
                }
            }
        }

        Assert.Empty(defects.Distinct());
        Assert.True(known > 9 * unknown && known > 1000, $"{known} known, {unknown} not");
    }

    private static void Compare(byte[] code, List<string> defects)
    {
        int length = InstructionLength.Of(code);
        if (length != 0)
        {
            int expected = Decode(code, out bool valid);
            if (!valid || length != expected)
            {
                defects.Add($"{Convert.ToHexString(code)}: {length}, disassembler {(valid ? expected : 0)}");
            }
        }
    }

    private static int Decode(byte[] code, out bool valid)
    {
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code));
        decoder.Decode(out Instruction instruction);
        valid = !instruction.IsInvalid;
        return instruction.Length;
    }
}
