using Cloister.Processor.Enclu;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Cloister.Engine.Stubs;

/// <summary>EEXIT and EACCEPT in the enclave itself, reached by a jump that stands in the place of an ENCLU.</summary>
/// <remarks>It changes no flag, for EEXIT changes none, and needs no stack: RCX is EEXIT's result and RAX its leaf number, both known.
/// EACCEPT is <see cref="AcceptStub"/>'s; any other leaf goes on to an ENCLU that stops.</remarks>
internal static class ExitStub
{
    private const int Eexit = 4, Eaccept = 5;

    /// <summary>Assembles the stub at an address, for the ENCLU at a site.</summary>
    /// <param name="address">Where it lies.</param>
    /// <param name="site">The ENCLU.</param>
    /// <param name="switchesView">Whether it hides the enclaves when nobody is inside any more.</param>
    public static ExitStubCode Assemble(ulong address, ulong site, bool switchesView = false)
    {
        var a = new Assembler(64);
        Label isEexit = a.CreateLabel(), enclu = a.CreateLabel(), swapped = a.CreateLabel(), subtracted = a.CreateLabel(),
            added = a.CreateLabel(), next = a.CreateLabel();
        var accept = new AcceptStub();
        ViewSwitch? view = switchesView ? new ViewSwitch() : null;
        Label isEaccept = a.CreateLabel();
        a.xchg(rax, rcx);
        a.Label(ref swapped);
        a.lea(rcx, __qword_ptr[rcx - Eexit]);
        a.Label(ref subtracted);
        a.jrcxz(isEexit);
        a.lea(rcx, __qword_ptr[rcx - (Eaccept - Eexit)]);
        a.Label(ref next);
        a.jrcxz(isEaccept);
        a.lea(rcx, __qword_ptr[rcx + Eaccept]);
        a.Label(ref added);
        a.xchg(rax, rcx);
        a.Label(ref enclu);
        a.db(EncluInstruction.Opcode.ToArray());
        a.Label(ref isEexit);
        a.mov(eax, es);
        a.mov(rcx, FastLayout.SlotBias);
        a.lea(rax, __qword_ptr[rax * 8]);
        a.lea(rcx, __qword_ptr[rcx + rax * 8]);
        view?.EmitExit(a);
        a.mov(rax, __qword_ptr[rcx + FastLayout.SlotFsBase]);
        a.wrfsbase(rax);
        a.mov(rax, __qword_ptr[rcx + FastLayout.SlotGsBase]);
        a.wrgsbase(rax);
        a.mov(__dword_ptr[rcx + FastLayout.SlotInside], 0);
        if (view is not null)
        {
            a.mov(__dword_ptr[rcx + FastLayout.SlotSwitching], 0);
        }

        a.mov(rax, __qword_ptr[rcx + FastLayout.SlotEntry]);
        a.mov(rcx, __qword_ptr[rcx + FastLayout.SlotAep]);
        a.mov(__dword_ptr[rax + FastLayout.EntryBusy], 0);
        a.mov(eax, Eexit);
        a.jmp(rbx);
        view?.EmitRefusal(a, enclu);
        accept.Emit(a, ref isEaccept, site + EncluInstruction.Length, enclu);
        using var stream = new MemoryStream();
        AssemblerResult result = a.Assemble(new StreamCodeWriter(stream), address, BlockEncoderOptions.ReturnNewInstructionOffsets);
        return new ExitStubCode(stream.ToArray(), address, result.GetLabelRIP(swapped), result.GetLabelRIP(subtracted),
            result.GetLabelRIP(next),
            result.GetLabelRIP(added), result.GetLabelRIP(enclu), result.GetLabelRIP(isEexit),
            accept.Addresses(result, site + EncluInstruction.Length), view?.ExitAddresses(result));
    }
}

/// <summary>An assembled <see cref="ExitStub"/>.</summary>
internal sealed record ExitStubCode(
    byte[] Code, ulong Start, ulong Swapped, ulong Subtracted, ulong SubtractedMore, ulong Added, ulong Enclu, ulong IsEexit,
    AcceptStubAddresses Accept, ViewSwitchAddresses? View)
{
    /// <summary>Whether a stop at RIP is in the middle of the stub.</summary>
    public bool Contains(ulong rip) => rip >= Start && rip < Start + (ulong)Code.Length && rip != Enclu;
}
