using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cloister.Engine.Instructions;
using Cloister.Engine.Memory;
using Cloister.Engine.Programs;
using Cloister.Engine.Stubs;
using Cloister.Linux;
using Cloister.Processor.Enclu;
using Iced.Intel;

namespace Cloister.Engine.Fast;

/// <summary>Puts a jump to a stub in the place of an ENCLU: a short jump to a long one in padding nearby, or a long
/// one whose last two bytes are those that follow the ENCLU.</summary>
/// <remarks>ENCLU has three bytes, a long jump five. What stands behind the ENCLU stays as it is and is the upper
/// half of the jump's distance, which leaves 64 KiB where the stub can be.</remarks>
internal sealed class SitePatcher(FastSpaces spaces, Interruptions interruptions)
{
    /// <summary>First byte of what stands in the place of a patched ENCLU.</summary>
    public const byte ShortJumpOpcode = 0xeb;

    /// <summary>The same, where there is no padding.</summary>
    public const byte LongJumpOpcode = 0xe9;

    private const int ShortJump = 2, LongJump = 5, Reach = 127, CacheLine = 64;

    /// <summary>Patches the ENCLU at a site, once. Nothing happens where there is neither padding in reach nor room
    /// where a long jump goes.</summary>
    public void Patch(TracedThread thread, ulong site, bool inEnclave)
    {
        AddressSpace space = thread.Space;
        if (space.IsDebugged || spaces.Of(space) is not { } fast || fast.PatchedSites.Contains(site) || !fast.HopelessSites.Add(site)
            || (site & (CacheLine - 1)) == CacheLine - 1)
        {
            return;
        }

        // Pages that another address space shows too stay as they are: the stub would be in this one only.
        if (inEnclave && space.Mappings.Find(site) is not { File.Views.Count: 1 })
        {
            return;
        }

        ulong start = site - Reach;
        byte[] code = new byte[2 * Reach + EncluInstruction.Length];
        (int first, int last) = ReadAround(space, start, code, site, inEnclave);
        if (FindCave(code.AsSpan(0, last), first, Reach, start) is { } cave)
        {
            if (fast.Stubs.Place(thread, site, JumpTargets.Near(site), inEnclave) is { } near)
            {
                byte[] leap = [ShortJumpOpcode, unchecked((byte)checked((sbyte)(cave - Reach - ShortJump)))];
                Write(thread, site, near, (start + (ulong)cave, LongJumpTo(near, start + (ulong)cave)), leap, inEnclave);
            }
        }
        else if (last >= Reach + LongJump && JumpTargets.Of(site, code.AsSpan(Reach + EncluInstruction.Length)) is { } targets
            && fast.Stubs.Place(thread, site, targets, inEnclave) is { } stub)
        {
            Write(thread, site, stub, null, LongJumpTo(stub, site).AsSpan(0, EncluInstruction.Length), inEnclave);
        }
    }

    /// <summary>Offset in <paramref name="code"/> of five bytes of padding that nothing executes, in reach of a short jump at
    /// <paramref name="site"/>.</summary>
    internal static int? FindCave(ReadOnlySpan<byte> code, int first, int site, ulong address)
    {
        // Forward: instruction by instruction from the ENCLU; padding follows what does not fall through.
        for (int at = site + EncluInstruction.Length; at < code.Length;)
        {
            Instruction instruction = Decode(code, at, address);
            if (instruction.IsInvalid)
            {
                break;
            }

            at += instruction.Length;
            bool ends = instruction.FlowControl is FlowControl.Return or FlowControl.UnconditionalBranch or FlowControl.IndirectBranch
                || instruction.Mnemonic is Mnemonic.Ud2 or Mnemonic.Int3 or Mnemonic.Hlt;
            int padding = ends ? PaddingAt(code, at, address) : 0;
            if (padding >= LongJump && at - site - ShortJump <= Reach)
            {
                return at;
            }

            at += padding;
        }

        // Backward: padding right behind a return, up to the alignment of a function.
        for (int at = site - LongJump; at > first; at--)
        {
            int padding = code[at - 1] == 0xc3 ? PaddingAt(code, at, address) : 0;
            if (padding >= LongJump && at + padding <= site && ((address + (ulong)(at + padding)) & 7) == 0
                && site + ShortJump - at <= Reach + 1)
            {
                return at;
            }
        }

        return null;
    }

    private static byte[] LongJumpTo(ulong stub, ulong from)
    {
        byte[] jump = new byte[LongJump];
        jump[0] = LongJumpOpcode;
        BinaryPrimitives.WriteInt32LittleEndian(jump.AsSpan(1), checked((int)((long)stub - (long)(from + LongJump))));
        return jump;
    }

    private void Write(TracedThread thread, ulong site, ulong stub, (ulong Address, byte[] Code)? cave, ReadOnlySpan<byte> leap,
        bool inEnclave)
    {
        AddressSpace space = thread.Space;
        FastPath fast = spaces.Of(space)!;

        // Other threads may be about to execute these bytes.
        using (interruptions.HoldOthers(thread))
        {
            if ((cave is not (var address, var code) || Write(space, address, code, inEnclave)) && Write(space, site, leap, inEnclave))
            {
                fast.PatchedSites.Add(site);
                _ = fast.HopelessSites.Remove(site);
                if (inEnclave && space.Mappings.Find(site) is { } mapping)
                {
                    if (!spaces.ExitStubs.TryGetValue(mapping.File, out Dictionary<ulong, ulong>? stubs))
                    {
                        spaces.ExitStubs.Add(mapping.File, stubs = []);
                    }

                    stubs[stub] = site;
                }
            }
        }
    }

    private static int PaddingAt(ReadOnlySpan<byte> code, int at, ulong address)
    {
        int start = at;
        while (at < code.Length)
        {
            if (code[at] is 0xcc or 0x00)
            {
                at++;
                continue;
            }

            Instruction instruction = Decode(code, at, address);
            if (instruction.IsInvalid || instruction.Mnemonic != Mnemonic.Nop)
            {
                break;
            }

            at += instruction.Length;
        }

        return at - start;
    }

    private static Instruction Decode(ReadOnlySpan<byte> code, int at, ulong address) =>
        InstructionAccess.Decode(code.Slice(at, Math.Min(InstructionAccess.MaximumLength, code.Length - at)), address + (ulong)at);

    private static (int First, int Last) ReadAround(AddressSpace space, ulong start, byte[] code, ulong site, bool inEnclave)
    {
        int first = 0, last = code.Length;
        for (int at = 0; at < code.Length; at++)
        {
            ulong address = start + (ulong)at;
            bool readable = inEnclave
                ? space.Mappings.Find(address) is { } mapping && space.Pages.Peek(address).Executable && Copy(mapping, address, code, at)
                : space.Memory.TryPeek(address, code.AsSpan(at, 1));
            if (!readable && address < site)
            {
                first = at + 1;
            }
            else if (!readable)
            {
                last = at;
                break;
            }
        }

        return (first, last);
    }

    // A breakpoint would be taken for padding, or for a part of the jump, and goes again.
    private static bool Copy(EnclaveMapping mapping, ulong address, byte[] code, int at)
    {
        if (mapping.File.Planted.Contains(address))
        {
            return false;
        }

        code[at] = mapping.File.Bytes(mapping.OffsetOf(HostPage.Start(address)))[HostPage.Offset(address)];
        return true;
    }

    private static bool Write(AddressSpace space, ulong address, ReadOnlySpan<byte> bytes, bool inEnclave)
    {
        if (!inEnclave)
        {
            return space.Memory.TryPoke(address, bytes);
        }

        if (bytes.Length == ShortJump)
        {
            // One store, within a cache line: whoever fetches here finds the old instruction or the new.
            if (space.Mappings.Find(address) is not { } page)
            {
                return false;
            }

            Span<byte> at = page.File.Bytes(page.OffsetOf(HostPage.Start(address)))[HostPage.Offset(address)..];
            Volatile.Write(ref MemoryMarshal.AsRef<ushort>(at[..ShortJump]), BinaryPrimitives.ReadUInt16LittleEndian(bytes));
            return true;
        }

        for (int i = 0; i < bytes.Length; i++)
        {
            if (space.Mappings.Find(address + (ulong)i) is not { } mapping)
            {
                return false;
            }

            mapping.File.Bytes(mapping.OffsetOf(HostPage.Start(address + (ulong)i)))[HostPage.Offset(address + (ulong)i)] = bytes[i];
        }

        return true;
    }
}
