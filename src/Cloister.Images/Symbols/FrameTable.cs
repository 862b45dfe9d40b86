using System.Buffers.Binary;

namespace Cloister.Images.Symbols;

/// <summary>.eh_frame: how to get from a function's frame to its caller's. Linux Standard Base, "Exception Frames"; DWARF 5, 6.4.</summary>
internal sealed class FrameTable(byte[] bytes, ulong address)
{
    private const int Rbp = 6, Rsp = 7, Pcrel = 0x10, Sdata4 = 0x0b, Udata4 = 0x03, Sdata8 = 0x0c, Absolute = 0;

    /// <summary>The table of a file; null when it has none.</summary>
    public static FrameTable? Read(ElfFile elf)
    {
        try
        {
            return elf.FindSection(".eh_frame") is { Size: > 0 and < (64 << 20) } section
                ? new FrameTable(elf.Source.ReadBytes((long)section.FileOffset, (int)section.Size), section.Address)
                : null;
        }
        catch (ImageException)
        {
            return null;
        }
    }

    /// <summary>The rule at an address; null when none is known, or it is one that nobody but a debugger needs.</summary>
    public FrameRule? Find(ulong instruction)
    {
        try
        {
            for (int at = 0; at + 4 <= bytes.Length;)
            {
                uint length = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));
                if (length is 0 or uint.MaxValue)
                {
                    break;
                }

                int content = at + 4, next = checked(content + (int)length);
                int distance = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(content));
                if (distance != 0 && Common.Read(bytes, content - distance) is { } common
                    && Program(common, content + 4, instruction) is { } found)
                {
                    // No other is of the same place.
                    return Rule(common, found.Begin, found.Instructions, next, instruction);
                }

                at = next;
            }
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or IndexOutOfRangeException or OverflowException)
        {
            // Damaged.
        }

        return null;
    }

    // Where an entry's code begins, and its instructions; null when it is not of this place.
    private (ulong Begin, int Instructions)? Program(Common common, int at, ulong instruction)
    {
        int size = (common.Encoding & 0xf) is Sdata8 or Absolute ? 8 : 4;
        if ((common.Encoding & 0x70) is not (0 or Pcrel) || (common.Encoding & 0xf) is not (Sdata4 or Udata4 or Sdata8 or Absolute))
        {
            return null;
        }

        ulong begin = Word(at, size) + ((common.Encoding & 0x70) == Pcrel ? address + (ulong)at : 0);
        ulong length = size == 4 ? (uint)Word(at + size, size) : Word(at + size, size);
        return instruction - begin < length ? (begin, at + (2 * size)) : null;
    }

    private FrameRule? Rule(Common common, ulong begin, int instructions, int end, ulong instruction)
    {
        var cursor = new Cursor(bytes, instructions);
        if (common.HasAugmentation)
        {
            int skip = (int)cursor.Unsigned();
            cursor.At += skip;
        }

        var state = new State(common);
        return state.Run(bytes, common.Program, common.End, begin, ulong.MaxValue) && state.Initial()
            && state.Run(bytes, cursor.At, end, begin, instruction) ? state.Rule : null;
    }

    private ulong Word(int at, int size) => size == 8 ? BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at))
        : (ulong)(long)BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at));

    /// <summary>What entries of .eh_frame have in common (a CIE).</summary>
    private sealed record Common(int Encoding, bool HasAugmentation, ulong CodeUnit, long DataUnit, int Program, int End)
    {
        public static Common? Read(byte[] bytes, int at)
        {
            int end = checked(at + 4 + (int)BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at)));
            var cursor = new Cursor(bytes, at + 9); // length, id, version
            int version = bytes[at + 8];
            int text = cursor.At;
            while (bytes[cursor.At++] != 0)
            {
            }

            ReadOnlySpan<byte> augmentation = bytes.AsSpan(text, cursor.At - 1 - text);
            (ulong codeUnit, long dataUnit) = (cursor.Unsigned(), cursor.Signed());
            _ = version == 1 ? bytes[cursor.At++] : cursor.Unsigned();
            (int encoding, bool has) = (Absolute, augmentation.Length > 0 && augmentation[0] == 'z');
            if (!has)
            {
                return augmentation.Length == 0 ? new Common(encoding, false, codeUnit, dataUnit, cursor.At, end) : null;
            }

            int length = (int)cursor.Unsigned(), program = cursor.At + length;
            foreach (byte letter in augmentation[1..])
            {
                switch ((char)letter)
                {
                    case 'R': encoding = bytes[cursor.At++]; break;
                    case 'L': cursor.At++; break;
                    case 'P': cursor.At += (bytes[cursor.At] & 0xf) is Sdata8 or Absolute ? 9 : 5; break;
                    case 'S' or 'B': break;
                    default: return null;
                }
            }

            return new Common(encoding, true, codeUnit, dataUnit, program, end);
        }
    }

    private struct Cursor(byte[] bytes, int at)
    {
        public int At = at;

        public ulong Unsigned()
        {
            ulong value = 0;
            for (int shift = 0; ; shift += 7)
            {
                byte next = bytes[At++];
                value |= shift < 64 ? (ulong)(next & 0x7f) << shift : 0;
                if ((next & 0x80) == 0)
                {
                    return value;
                }
            }
        }

        public long Signed()
        {
            long value = 0;
            for (int shift = 0; ;)
            {
                byte next = bytes[At++];
                value |= shift < 64 ? (long)(next & 0x7f) << shift : 0;
                shift += 7;
                if ((next & 0x80) == 0)
                {
                    return shift < 64 && (next & 0x40) != 0 ? value | -1L << shift : value;
                }
            }
        }
    }

    // The rules as the instructions of an entry make them. DWARF 5, 6.4.2.
    private sealed class State(Common common)
    {
        private readonly Stack<(int Register, long Offset, long? SavedRbp)> _remembered = [];
        private (int Register, long Offset, long? SavedRbp) _now = (Rsp, 8, null), _initial;

        public FrameRule? Rule => _now.Register is Rsp or Rbp ? new FrameRule(_now.Register == Rbp, _now.Offset, _now.SavedRbp) : null;

        public bool Initial()
        {
            _initial = _now;
            return true;
        }

        public bool Run(byte[] bytes, int at, int end, ulong begin, ulong instruction)
        {
            ulong place = begin;
            var cursor = new Cursor(bytes, at);
            while (cursor.At < end)
            {
                int opcode = bytes[cursor.At++], operand = opcode & 0x3f;
                ulong advance = 0;
                switch (opcode & 0xc0)
                {
                    case 0x40: advance = (ulong)operand; break;
                    case 0x80: Save(operand, (long)cursor.Unsigned() * common.DataUnit); break;
                    case 0xc0: Restore(operand); break;
                    default:
                        if (Extended(bytes, ref cursor, operand) is not { } found)
                        {
                            return false;
                        }

                        advance = found;
                        break;
                }

                place += advance * common.CodeUnit;
                if (place > instruction)
                {
                    return true;
                }
            }

            return true;
        }

        private ulong? Extended(byte[] bytes, ref Cursor cursor, int opcode)
        {
            switch (opcode)
            {
                case 0x00: return 0; // nop
                case 0x02: return bytes[cursor.At++]; // advance_loc1
                case 0x03: cursor.At += 2; return BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(cursor.At - 2));
                case 0x04: cursor.At += 4; return BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(cursor.At - 4));
                case 0x05: Save((int)cursor.Unsigned(), (long)cursor.Unsigned() * common.DataUnit); return 0; // offset_extended
                case 0x06: Restore((int)cursor.Unsigned()); return 0; // restore_extended
                case 0x07 or 0x08: _ = cursor.Unsigned(); return 0; // undefined, same_value
                case 0x0a: _remembered.Push(_now); return 0;
                case 0x0b when _remembered.TryPop(out var before): _now = before; return 0;
                case 0x0c: _now = ((int)cursor.Unsigned(), (long)cursor.Unsigned(), _now.SavedRbp); return 0; // def_cfa
                case 0x0d: _now.Register = (int)cursor.Unsigned(); return 0;
                case 0x0e: _now.Offset = (long)cursor.Unsigned(); return 0;
                case 0x2e: _ = cursor.Unsigned(); return 0; // GNU_args_size
                default: return null;
            }
        }

        private void Save(int register, long offset) => _now.SavedRbp = register == Rbp ? offset : _now.SavedRbp;

        private void Restore(int register) => _now.SavedRbp = register == Rbp ? _initial.SavedRbp : _now.SavedRbp;
    }
}
