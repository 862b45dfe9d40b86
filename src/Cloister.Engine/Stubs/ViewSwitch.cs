using Cloister.Engine.Platforms;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Cloister.Engine.Stubs;

/// <summary>Strict isolation in the stubs: who enters first shows the enclaves' memory and hides the host's code, who leaves last does the
/// reverse, by the mprotect calls that the tracer has listed.</summary>
/// <remarks>
/// <see cref="FastLayout.View"/> counts who is inside; a thread that makes the calls has it to itself meanwhile, and whoever comes then
/// goes to the tracer. The tracer takes it from all of them, and then looks who is at work; where it took it from one who made calls it
/// makes the view anew. What the calls change is kept in the slot, for an exit has no stack.
/// </remarks>
internal sealed class ViewSwitch
{
    /// <summary>The registers are in the slot.</summary>
    public Label Saved;
    /// <summary>They are the thread's again.</summary>
    public Label Restored;
    /// <summary>The way to the ENCLU, of a thread that leaves: the registers are in the slot still.</summary>
    public Label Refuses;
    /// <summary>Behind that.</summary>
    public Label Refused;

    /// <summary>Emits what comes before an entry touches the enclave. RDX is the slot, RSI the entry, which the slot has too; RAX and RCX
    /// are free.</summary>
    /// <param name="a">Where to.</param>
    /// <param name="release">The way to the ENCLU, for a thread that has taken the TCS.</param>
    public void EmitEnter(Assembler a, Label release)
    {
        (Saved, Restored) = (a.CreateLabel(), a.CreateLabel());
        Label show = a.CreateLabel(), shown = a.CreateLabel(), back = a.CreateLabel();
        const int budget = FastLayout.ViewBudget - FastLayout.View;
        a.mov(rcx, Area.Fast + FastLayout.View);
        a.mov(eax, __dword_ptr[rcx]);
        a.test(eax, eax);
        a.je(show);
        a.cmp(eax, unchecked((int)FastLayout.ViewChanges));
        a.jae(release);
        a.lea(esi, __qword_ptr[rax + 1]);
        a.@lock.cmpxchg(__dword_ptr[rcx], esi);
        a.mov(rsi, __qword_ptr[rdx + FastLayout.SlotEntry]);
        a.jne(release);
        a.jmp(shown);

        a.Label(ref show);
        a.cmp(__dword_ptr[rcx + budget], 0);
        a.je(release);
        a.mov(esi, unchecked((int)FastLayout.ViewChanges));
        a.@lock.cmpxchg(__dword_ptr[rcx], esi);
        a.mov(rsi, __qword_ptr[rdx + FastLayout.SlotEntry]);
        a.jne(release);
        a.dec(__dword_ptr[rcx + budget]);
        a.mov(__qword_ptr[rdx + FastLayout.SlotRdi], rdi);
        a.mov(__qword_ptr[rdx + FastLayout.SlotR8], r8);
        a.mov(__qword_ptr[rdx + FastLayout.SlotR9], r9);
        a.mov(__qword_ptr[rdx + FastLayout.SlotR11], r11);
        a.Label(ref Saved);
        a.lea(r9, __qword_ptr[rdx + FastLayout.SlotReturn]);
        Call(a, FastLayout.ShowCalls, back);
        a.Label(ref back);
        a.lea(rdx, __qword_ptr[r9 - FastLayout.SlotReturn]);
        a.mov(rdi, __qword_ptr[rdx + FastLayout.SlotRdi]);
        a.mov(r8, __qword_ptr[rdx + FastLayout.SlotR8]);
        a.mov(r11, __qword_ptr[rdx + FastLayout.SlotR11]);
        a.mov(r9, __qword_ptr[rdx + FastLayout.SlotR9]);
        a.mov(rsi, __qword_ptr[rdx + FastLayout.SlotEntry]);
        a.Label(ref Restored);
        a.mov(rcx, Area.Fast + FastLayout.View);
        a.mov(eax, unchecked((int)FastLayout.ViewChanges));
        a.mov(esi, 1);
        a.@lock.cmpxchg(__dword_ptr[rcx], esi);
        a.mov(rsi, __qword_ptr[rdx + FastLayout.SlotEntry]);
        a.Label(ref shown);
        a.nop();
    }

    /// <summary>Emits what an exit begins with. RCX is the slot, RAX is free; nothing else may change, flags neither.</summary>
    public void EmitExit(Assembler a)
    {
        (Saved, Restored, Refuses, Refused) = (a.CreateLabel(), a.CreateLabel(), a.CreateLabel(), a.CreateLabel());
        Label last = a.CreateLabel(), back = a.CreateLabel(), done = a.CreateLabel();
        a.mov(__qword_ptr[rcx + FastLayout.SlotRdi], rdi);
        a.mov(__qword_ptr[rcx + FastLayout.SlotRsi], rsi);
        a.mov(__qword_ptr[rcx + FastLayout.SlotRdx], rdx);
        a.mov(__qword_ptr[rcx + FastLayout.SlotR8], r8);
        a.mov(__qword_ptr[rcx + FastLayout.SlotR9], r9);
        a.mov(__qword_ptr[rcx + FastLayout.SlotR11], r11);
        a.lahf();
        a.seto(al);
        a.mov(__dword_ptr[rcx + FastLayout.SlotFlags], eax);
        a.Label(ref Saved);
        a.lea(r9, __qword_ptr[rcx + FastLayout.SlotReturn]);
        a.mov(__dword_ptr[rcx + FastLayout.SlotSwitching], 1);
        a.mov(r8, Area.Fast + FastLayout.View);
        a.mov(eax, __dword_ptr[r8]);
        a.cmp(eax, 1);
        a.je(last);
        a.jb(Refuses);
        a.cmp(eax, unchecked((int)FastLayout.ViewChanges));
        a.jae(Refuses);
        a.lea(edi, __qword_ptr[rax - 1]);
        a.@lock.cmpxchg(__dword_ptr[r8], edi);
        a.je(done);
        a.jmp(Refuses);

        a.Label(ref last);
        a.mov(edi, unchecked((int)FastLayout.ViewChanges));
        a.@lock.cmpxchg(__dword_ptr[r8], edi);
        a.jne(Refuses);
        Call(a, FastLayout.HideCalls, back);
        a.Label(ref back);
        a.mov(r8, Area.Fast + FastLayout.View);
        a.mov(eax, unchecked((int)FastLayout.ViewChanges));
        a.xor(edi, edi);
        a.@lock.cmpxchg(__dword_ptr[r8], edi);
        a.Label(ref done);
        Restore(a);
        a.Label(ref Restored);
        a.nop();
    }

    /// <summary>Emits the way to the ENCLU of a thread that cannot leave by itself.</summary>
    public void EmitRefusal(Assembler a, Label enclu)
    {
        const int eexit = 4;
        a.Label(ref Refuses);
        a.mov(__dword_ptr[r9 + (FastLayout.SlotSwitching - FastLayout.SlotReturn)], 0);
        Restore(a);
        a.Label(ref Refused);
        a.mov(eax, eexit);
        a.jmp(enclu);
    }

    /// <summary>The addresses of the labels of an exit once assembled.</summary>
    public ViewSwitchAddresses ExitAddresses(AssemblerResult result) => new(
        result.GetLabelRIP(Saved), result.GetLabelRIP(Restored), result.GetLabelRIP(Refuses), result.GetLabelRIP(Refused));

    /// <summary>The addresses of the labels of an entry once assembled.</summary>
    public ViewSwitchAddresses EnterAddresses(AssemblerResult result) => new(
        result.GetLabelRIP(Saved), result.GetLabelRIP(Restored), 0, 0);

    // R9 is where the address to go back to lies.
    private static void Call(Assembler a, int calls, Label back)
    {
        a.lea(rax, __qword_ptr[back]);
        a.mov(__qword_ptr[r9], rax);
        a.mov(r8, Area.Fast + (ulong)calls);
        a.mov(rax, Area.ProtectCalls);
        a.jmp(rax);
    }

    private static void Restore(Assembler a)
    {
        a.lea(rcx, __qword_ptr[r9 - FastLayout.SlotReturn]);
        a.mov(eax, __dword_ptr[rcx + FastLayout.SlotFlags]);
        a.add(al, 0x7f);
        a.sahf();
        a.mov(rdi, __qword_ptr[rcx + FastLayout.SlotRdi]);
        a.mov(rsi, __qword_ptr[rcx + FastLayout.SlotRsi]);
        a.mov(rdx, __qword_ptr[rcx + FastLayout.SlotRdx]);
        a.mov(r8, __qword_ptr[rcx + FastLayout.SlotR8]);
        a.mov(r11, __qword_ptr[rcx + FastLayout.SlotR11]);
        a.mov(r9, __qword_ptr[rcx + FastLayout.SlotR9]);
    }
}

/// <summary>Where the labels of a <see cref="ViewSwitch"/> came to lie.</summary>
internal sealed record ViewSwitchAddresses(ulong Saved, ulong Restored, ulong Refuses, ulong Refused)
{
    /// <summary>Whether a thread that stops at RIP has registers in its slot.</summary>
    public bool HasSaved(ulong rip) => (rip >= Saved && rip < Restored) || (rip >= Refuses && rip < Refused);
}
