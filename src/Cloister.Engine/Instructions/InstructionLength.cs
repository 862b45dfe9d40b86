namespace Cloister.Engine.Instructions;

/// <summary>Lengths of the instructions that compilers write most, without the tables of the disassembler, which take
/// long to load.</summary>
/// <remarks>Source: SDM 2D, appendix A (opcode maps). It knows only opcodes that are valid whatever prefixes of those
/// below go before them.</remarks>
internal static class InstructionLength
{
    // What follows an opcode. Any value but Unknown has the bits that hold.
    private const byte Unknown = 0, Plain = 1, ModRm = 2, Immediate8 = 4, Immediate32 = 8, Immediate64 = 16, Group3 = 32;

    private static readonly byte[] s_oneByte = OneByte();
    private static readonly byte[] s_twoByte = TwoByte();

    /// <summary>Bytes of the first instruction; 0 when it is none of those known here, or not all there.</summary>
    public static int Of(ReadOnlySpan<byte> code)
    {
        int at = 0;
        bool narrow = false, wide = false;
        byte repeat = 0;
        for (; at < code.Length; at++)
        {
            if (code[at] == 0x66)
            {
                narrow = true;
            }
            else if (code[at] is 0xf2 or 0xf3 && (repeat == 0 || repeat == code[at]))
            {
                repeat = code[at];
            }
            else if (code[at] is not (0x2e or 0x36 or 0x3e or 0x26 or 0x64 or 0x65))
            {
                break;
            }
        }

        if (at < code.Length && (code[at] & 0xf0) == 0x40)
        {
            wide = (code[at++] & 8) != 0;
        }

        if (at >= code.Length)
        {
            return 0;
        }

        byte opcode = code[at++];
        if (opcode != 0x0f)
        {
            bool exists = opcode switch
            {
                // Processors differ over a short displacement.
                0xe8 or 0xe9 => !narrow,
                0x8d or 0xc6 or 0xc7 or 0xfe or 0xff => at < code.Length && IsOfGroup(opcode, code[at]),
                _ => true,
            };
            return exists ? Length(code, at, s_oneByte[opcode], narrow, wide) : 0;
        }

        if (at >= code.Length)
        {
            return 0;
        }

        opcode = code[at++];
        byte form = (narrow, repeat) switch
        {
            (false, 0) => opcode switch
            {
                0x01 when at < code.Length && code[at] == 0xd0 => ModRm, // XGETBV
                0xba when at < code.Length && (code[at] & 0x20) != 0 => ModRm | Immediate8, // BT, BTS, BTR, BTC
                _ => s_twoByte[opcode],
            },
            (true, 0) => IsSameNarrow(opcode) ? s_twoByte[opcode] : opcode is 0x6c or 0x6d or 0x6f or 0x7f or 0xd6 ? ModRm : Unknown,
            (false, 0xf3) when opcode is 0x1e or 0x6f or 0x7e or 0x7f => ModRm, // ENDBR64, MOVDQU, MOVQ
            (false, _) => IsScalar(opcode) ? ModRm : Unknown,
            _ => Unknown,
        };
        return Length(code, at, form, narrow, wide);
    }

    // Two-byte opcodes that exist with 66 as without: hints, MOVUPD to MAXPD, CMOVcc, SETcc, bits, multiplication, extension, integers.
    private static bool IsSameNarrow(byte opcode) =>
        opcode is 0x10 or 0x11 or 0x14 or 0x15 or 0x1e or 0x1f or 0x28 or 0x29 or (>= 0x40 and <= 0x4f) or (>= 0x54 and <= 0x5f)
            or 0x6e or (>= 0x74 and <= 0x76) or 0x7e or (>= 0x90 and <= 0x9f) or 0xa3 or 0xa4 or 0xa5 or 0xab or 0xac or 0xad or 0xaf
            or 0xb6 or 0xb7 or (>= 0xbb and <= 0xbf) or 0xc0 or 0xc1 or 0xd4 or 0xdb or 0xdf or 0xeb or 0xef or 0xfa or 0xfb or 0xfe;

    // Those that exist with F2 and with F3: MOVSD, MOVSS, arithmetic.
    private static bool IsScalar(byte opcode) => opcode is 0x10 or 0x11 or 0x51 or 0x58 or 0x59 or 0x5c or 0x5d or 0x5e or 0x5f;

    private static int Length(ReadOnlySpan<byte> code, int at, byte form, bool narrow, bool wide)
    {
        if (form == Unknown)
        {
            return 0;
        }

        if ((form & (ModRm | Group3)) != 0)
        {
            if (at >= code.Length)
            {
                return 0;
            }

            byte modRm = code[at++];
            int mode = modRm >> 6, rm = modRm & 7;
            if ((form & Group3) != 0 && (modRm >> 3 & 7) > 1)
            {
                // F6, F7: only TEST has an immediate.
                form = ModRm;
            }

            if (mode != 3 && rm == 4)
            {
                if (at >= code.Length)
                {
                    return 0;
                }

                rm = code[at++] & 7;
            }

            at += mode switch
            {
                0 => rm == 5 ? 4 : 0,
                1 => 1,
                2 => 4,
                _ => 0,
            };
        }

        at += (form & Immediate8) != 0 ? 1 : 0;
        at += (form & Immediate32) != 0 ? narrow && !wide ? 2 : 4 : 0;
        at += (form & Immediate64) != 0 ? wide ? 8 : narrow ? 2 : 4 : 0;
        return at <= code.Length && at <= InstructionAccess.MaximumLength ? at : 0;
    }

    // LEA of a register, and members that these groups have not.
    private static bool IsOfGroup(byte opcode, byte modRm) => opcode switch
    {
        0x8d => modRm < 0xc0,
        0xfe => (modRm >> 3 & 7) < 2,
        0xff => (modRm >> 3 & 7) is 0 or 1 or 2 or 4 or 6,
        _ => (modRm >> 3 & 7) == 0,
    };

    private static byte[] OneByte()
    {
        byte[] forms = new byte[256];
        for (int row = 0; row < 0x40; row += 8)
        {
            // ADD, OR, ADC, SBB, AND, SUB, XOR, CMP.
            forms.AsSpan(row, 4).Fill(ModRm);
            forms[row + 4] = Immediate8;
            forms[row + 5] = Immediate32;
        }

        forms.AsSpan(0x50, 16).Fill(Plain); // PUSH, POP
        forms[0x63] = ModRm; // MOVSXD
        forms[0x68] = Immediate32; // PUSH
        forms[0x69] = ModRm | Immediate32; // IMUL
        forms[0x6a] = Immediate8; // PUSH
        forms[0x6b] = ModRm | Immediate8; // IMUL
        forms.AsSpan(0x70, 16).Fill(Immediate8); // Jcc
        forms[0x80] = forms[0x83] = ModRm | Immediate8; // ADD to CMP
        forms[0x81] = ModRm | Immediate32;
        forms.AsSpan(0x84, 8).Fill(ModRm); // TEST, XCHG, MOV
        forms[0x8d] = ModRm; // LEA
        forms.AsSpan(0x90, 8).Fill(Plain); // NOP, PAUSE, XCHG
        forms[0x98] = forms[0x99] = Plain; // CBW, CWDE, CDQE, CWD, CDQ, CQO
        forms.AsSpan(0xa4, 4).Fill(Plain); // MOVS, CMPS
        forms[0xa8] = Immediate8; // TEST
        forms[0xa9] = Immediate32;
        forms.AsSpan(0xaa, 6).Fill(Plain); // STOS, LODS, SCAS
        forms.AsSpan(0xb0, 8).Fill(Immediate8); // MOV
        forms.AsSpan(0xb8, 8).Fill(Immediate64);
        forms[0xc0] = forms[0xc1] = ModRm | Immediate8; // ROL to SAR
        forms[0xc6] = ModRm | Immediate8; // MOV
        forms[0xc7] = ModRm | Immediate32;
        forms[0xc3] = forms[0xc9] = forms[0xcc] = Plain; // RET, LEAVE, INT3
        forms[0xfc] = forms[0xfd] = Plain; // CLD, STD
        forms.AsSpan(0xd0, 4).Fill(ModRm); // ROL to SAR
        forms[0xe8] = forms[0xe9] = Immediate32; // CALL, JMP
        forms[0xeb] = Immediate8;
        forms[0xf6] = Group3 | Immediate8; // TEST, NOT, NEG, MUL, IMUL, DIV, IDIV
        forms[0xf7] = Group3 | Immediate32;
        forms[0xfe] = forms[0xff] = ModRm; // INC, DEC, CALL, JMP, PUSH
        return forms;
    }

    private static byte[] TwoByte()
    {
        byte[] forms = new byte[256];
        forms[0x05] = forms[0x0b] = forms[0x31] = forms[0xa2] = Plain; // SYSCALL, UD2, RDTSC, CPUID
        forms[0x10] = forms[0x11] = forms[0x14] = forms[0x15] = ModRm; // MOVUPS, UNPCKLPS, UNPCKHPS
        forms[0x1e] = forms[0x1f] = ModRm; // NOP
        forms[0x28] = forms[0x29] = ModRm; // MOVAPS
        forms.AsSpan(0x40, 16).Fill(ModRm); // CMOVcc
        forms.AsSpan(0x54, 12).Fill(ModRm); // ANDPS to MAXPS
        forms[0x6e] = forms[0x7e] = ModRm; // MOVD, MOVQ
        forms.AsSpan(0x74, 3).Fill(ModRm); // PCMPEQ
        forms.AsSpan(0x80, 16).Fill(Immediate32); // Jcc
        forms.AsSpan(0x90, 16).Fill(ModRm); // SETcc
        forms[0xa3] = forms[0xa5] = forms[0xab] = forms[0xad] = forms[0xaf] = ModRm; // BT, SHLD, BTS, SHRD, IMUL
        forms[0xa4] = forms[0xac] = ModRm | Immediate8; // SHLD, SHRD
        forms[0xb0] = forms[0xb1] = forms[0xb3] = ModRm; // CMPXCHG, BTR
        forms.AsSpan(0xb6, 2).Fill(ModRm); // MOVZX
        forms.AsSpan(0xbb, 5).Fill(ModRm); // BTC, BSF, BSR, MOVSX
        forms[0xc0] = forms[0xc1] = ModRm; // XADD
        forms.AsSpan(0xc8, 8).Fill(Plain); // BSWAP
        forms[0xd4] = forms[0xdb] = forms[0xdf] = forms[0xeb] = forms[0xef] = ModRm; // PADDQ, PAND, PANDN, POR, PXOR
        forms[0xfa] = forms[0xfb] = forms[0xfe] = ModRm; // PSUBD, PSUBQ, PADDD
        return forms;
    }
}
