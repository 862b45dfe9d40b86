using System.Globalization;
using Cloister.Architecture;

namespace Cloister.Processor.Tests.Harness;

/// <summary>What CPUID of real processors answered: lines of leaf, sub-leaf, EAX, EBX, ECX and EDX.</summary>
internal sealed class RecordedCpuid
{
    private readonly Dictionary<(uint, uint), CpuidRegisters> _answers = [];

    /// <summary>The processor of some lines.</summary>
    public RecordedCpuid(string lines)
    {
        foreach (string line in lines.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            uint[] n = [.. line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Select(word => uint.Parse(word, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
            this[n[0], n[1]] = new CpuidRegisters(n[2], n[3], n[4], n[5]);
        }
    }

    /// <summary>
    /// A Ryzen 5 7600X (Zen 4) under Linux, where PKRU is switched on: AVX-512 and protection keys, neither where Intel has them.
    /// </summary>
    public static RecordedCpuid Zen4 => new("""
        00000000 0 00000010 68747541 444D4163 69746E65
        00000001 0 00A60F12 000C0800 7EF8320B 178BFBFF
        00000005 0 00000040 00000040 00000003 00000011
        00000006 0 00000004 00000000 00000001 00000000
        00000007 0 00000001 F1BF97A9 00405FDE 10000010
        00000007 1 00000020 00000000 00000000 00000000
        0000000B 0 00000001 00000002 00000100 00000000
        0000000B 1 00000004 0000000C 00000201 00000000
        0000000D 0 000002E7 00000988 00000988 00000000
        0000000D 1 0000000F 00000990 00001800 00000000
        0000000D 2 00000100 00000240 00000000 00000000
        0000000D 5 00000040 00000340 00000000 00000000
        0000000D 6 00000200 00000380 00000000 00000000
        0000000D 7 00000400 00000580 00000000 00000000
        0000000D 9 00000008 00000980 00000000 00000000
        0000000D b 00000010 00000000 00000001 00000000
        0000000F 0 00000000 000000FF 00000000 00000002
        00000010 0 00000000 00000002 00000000 00000000
        80000000 0 80000028 68747541 444D4163 69746E65
        80000001 0 00A60F12 00000000 75C237FF 2FD3FBFF
        80000002 0 20444D41 657A7952 2035206E 30303637
        80000005 0 FF48FF40 FF48FF40 20080140 20080140
        80000006 0 5C002200 6C004200 04006140 01009140
        80000007 0 00000000 0000003B 00000000 00006799
        80000008 0 00003030 191EF257 0000400B 00010000
        8000001D 0 00004121 01C0003F 0000003F 00000000
        8000001D 1 00004122 01C0003F 0000003F 00000000
        8000001D 2 00004143 01C0003F 000007FF 00000002
        8000001D 3 0002C163 03C0003F 00007FFF 00000001
        8000001E 0 00000000 00000100 00000000 00000000
        """);

    /// <summary>The same behind a hypervisor that hides the topology, and says how fast the TSC is.</summary>
    public static RecordedCpuid Zen4Guest
    {
        get
        {
            RecordedCpuid guest = Zen4;
            _ = guest._answers.Remove((0xb, 0)) && guest._answers.Remove((0xb, 1));
            guest[1, 0] = guest[1, 0] with { Ecx = guest[1, 0].Ecx | 1u << 31 };
            guest[0x80000000, 0] = guest[0x80000000, 0] with { Eax = 0x80000008 };
            guest[0x40000000, 0] = new CpuidRegisters(0x40000010, 0x4b4d564b, 0x564b4d56, 0x4d);
            guest[0x40000010, 0] = new CpuidRegisters(4_700_000, 1_000_000, 0, 0);
            return guest;
        }
    }

    /// <summary>A Xeon of 2024 (family 6, model 207) as a guest: AVX-512 where Intel has it.</summary>
    public static RecordedCpuid Xeon => new("""
        00000000 0 0000001F 756E6547 6C65746E 49656E69
        00000001 0 000C06F2 00020800 FFFA3203 1F8BFBFF
        00000007 0 00000001 F1BF0FEB 1B415F42 20C14010
        00000007 1 00000030 00000000 00000000 00000000
        0000000D 0 000000E7 00000A80 00000A80 00000000
        0000000D 1 0000000F 00000A80 00000000 00000000
        0000000D 2 00000100 00000240 00000000 00000000
        0000000D 5 00000040 00000440 00000000 00000000
        0000000D 6 00000200 00000480 00000000 00000000
        0000000D 7 00000400 00000680 00000000 00000000
        00000015 0 00000002 000000B8 017D7840 00000000
        80000000 0 80000008 00000000 00000000 00000000
        80000001 0 00000000 00000000 00000121 2C100800
        """);

    /// <summary>What it answers; what it does not know is zeros, as AMD has it.</summary>
    public CpuidRegisters this[uint leaf, uint subleaf]
    {
        get => _answers.TryGetValue((leaf, leaf is 0xd or 7 or 0xb or 0x8000001d or 0xf or 0x10 ? subleaf : 0), out CpuidRegisters answer)
            ? answer : default;
        set => _answers[(leaf, subleaf)] = value;
    }

    /// <summary>The same as a function.</summary>
    public CpuidRegisters Answer(uint leaf, uint subleaf) => this[leaf, subleaf];
}
