using Cloister.Architecture;
using Cloister.Engine.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Enclaves;

/// <summary><see cref="EmulatedCpuid"/>: UD2 where CPUID was.</summary>
[Collection(ScenarioCollection.Name)]
public sealed class EmulatedCpuidTests : IDisposable
{
    private const ulong TrapFlag = 0x100;
    private readonly TestEngine _engine = new();

    public void Dispose() => _engine.Dispose();

    // HLT in its place.
    private ulong Cpuid => _engine.Enclu + 12;

    private ref UserRegisters Registers => ref _engine.Thread.Registers;

    [Fact]
    public void It_is_answered_and_the_thread_is_behind_it()
    {
        Execute();

        CpuidRegisters capabilities = CpuidSgx.Capabilities(_engine.Tracer.Machine.Options.Capabilities);
        Assert.Equal((capabilities.Eax, capabilities.Ebx, capabilities.Ecx, capabilities.Edx),
            ((uint)Registers.Rax, (uint)Registers.Rbx, (uint)Registers.Rcx, (uint)Registers.Rdx));
        Assert.Equal(Cpuid + 2, Registers.Rip);
        Assert.Empty(_engine.Platform.Raised);
    }

    [Fact]
    public void A_single_step_over_it_ends_in_a_trap()
    {
        Registers.Rflags |= TrapFlag;
        Execute();

        Assert.Equal((Signal.SIGTRAP, (ulong)ExceptionVector.Debug),
            (_engine.Platform.Raised.Single().Number, _engine.Platform.Raised.Single().Trap));
        Assert.Equal(Cpuid + 2, Registers.Rip);
    }

    [Fact]
    public void A_HLT_of_the_programs_own_is_what_it_is()
    {
        Execute(isSite: false);

        Assert.Equal($"run {_engine.Thread.Id} with {Signal.SIGSEGV}", _engine.Platform.Log[^1]);
        Assert.Equal(Cpuid, Registers.Rip);
    }

    private void Execute(bool isSite = true)
    {
        if (isSite)
        {
            _ = _engine.Thread.Space.CpuidSites.Add(Cpuid);
        }

        (Registers.Rip, Registers.Rax, Registers.Rcx) = (Cpuid, CpuidSgx.Leaf, 0);
        _engine.Fault(_engine.Thread, Signal.SIGSEGV, SignalInformation.SiKernel, 0);
    }
}
