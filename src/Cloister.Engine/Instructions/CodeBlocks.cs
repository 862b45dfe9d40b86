using Iced.Intel;

namespace Cloister.Engine.Instructions;

/// <summary>Finds where runs of instructions begin that are executed from their first to their last: basic blocks.</summary>
/// <remarks>Code is followed from where it is known to begin, never read in a line: what lies between may be data.</remarks>
public static class CodeBlocks
{
    private const byte Begins = 1, Inside = 2, Leads = 4;

    /// <summary>Finds them.</summary>
    /// <param name="code">The code.</param>
    /// <param name="address">The address of its first byte.</param>
    /// <param name="roots">Addresses where instructions begin: functions, lines. Each is a block's beginning.</param>
    /// <returns>The addresses of the first instructions, in order.</returns>
    public static List<ulong> Find(byte[] code, ulong address, IEnumerable<ulong> roots)
    {
        ArgumentNullException.ThrowIfNull(code);
        ArgumentNullException.ThrowIfNull(roots);
        byte[] marks = new byte[code.Length];
        var pending = new Stack<ulong>();
        void Lead(ulong target)
        {
            if (target - address < (ulong)marks.Length && (marks[target - address] & Leads) == 0)
            {
                marks[target - address] |= Leads;
                pending.Push(target);
            }
        }

        var reader = new ByteArrayCodeReader(code);
        var decoder = Decoder.Create(64, reader);
        foreach (ulong root in roots)
        {
            Lead(root);
            while (pending.TryPop(out ulong from))
            {
                while (from - address < (ulong)marks.Length && (marks[from - address] & Begins) == 0)
                {
                    reader.Position = (int)(from - address);
                    decoder.IP = from;
                    decoder.Decode(out Instruction instruction);
                    if (instruction.IsInvalid)
                    {
                        break;
                    }

                    marks[from - address] |= Begins;
                    for (int i = 1; i < instruction.Length; i++)
                    {
                        marks[(int)(from - address) + i] |= Inside;
                    }

                    from = instruction.NextIP;
                    if (!GoesOn(instruction, Lead))
                    {
                        break;
                    }
                }
            }
        }

        // A jump behind a prefix, as over LOCK, leads into an instruction, of which nothing can be replaced.
        var found = new List<ulong>();
        for (int at = 0; at < marks.Length; at++)
        {
            if (marks[at] == (Leads | Begins))
            {
                found.Add(address + (ulong)at);
            }
        }

        return found;
    }

    // Whether what stands behind an instruction is executed after it. A call may not come back, a jump may not be taken.
    private static bool GoesOn(in Instruction instruction, Action<ulong> lead)
    {
        switch (instruction.FlowControl)
        {
            case FlowControl.Next:
                return true;
            case FlowControl.Call or FlowControl.ConditionalBranch or FlowControl.XbeginXabortXend:
                if (instruction.IsCallNear || instruction.IsJccShortOrNear || instruction.IsLoop || instruction.IsLoopcc
                    || instruction.IsJcxShort)
                {
                    lead(instruction.NearBranchTarget);
                }

                lead(instruction.NextIP);
                return false;
            case FlowControl.IndirectCall or FlowControl.Interrupt:
                lead(instruction.NextIP);
                return false;
            case FlowControl.UnconditionalBranch:
                lead(instruction.NearBranchTarget);
                return false;
            default:
                return false;
        }
    }
}
