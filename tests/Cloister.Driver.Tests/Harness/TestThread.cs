using System.Buffers.Binary;
using Cloister.Architecture;
using Cloister.Processor;
using Cloister.Processor.Enclu;

namespace Cloister.Driver.Tests.Harness;

/// <summary>
/// A thread that goes into enclaves by the processor's own leaves, and takes page faults as hardware and Linux do:
/// asynchronous exit, the driver, ERESUME, once more.
/// </summary>
internal sealed class TestThread(TestMachine machine, TestProgram program) : IExtendedState
{
    private const ulong Aep = 0x40_0000;

    public LogicalProcessor Processor { get; } = new();

    /// <summary>Where the thread is between an asynchronous exit and ERESUME.</summary>
    public LinearAddress? Interrupted { get; private set; }

    /// <summary>The fault that could not be resolved, as the last call left it.</summary>
    public Fault? LastFault { get; private set; }

    /// <summary>Whether the last fault was a SIGBUS of the driver's.</summary>
    public bool Sigbus { get; private set; }

    public void Save(Span<byte> xsaveArea, ulong xfrm) => xsaveArea.Clear();

    public void Initialize(ulong xfrm)
    {
    }

    public bool Restore(ReadOnlySpan<byte> xsaveArea, ulong xfrm) => true;

    /// <summary>EENTER.</summary>
    public void Enter(LinearAddress tcs)
    {
        var registers = Processor.Registers;
        registers.Rip = Aep;
        registers.Rbx = tcs.Value;
        registers.Rcx = Aep;
        Assert.True(Outside(EncluLeaf.Eenter, tcs), $"EENTER: {LastFault}");
        Assert.True(Processor.EnclaveMode);
    }

    /// <summary>EEXIT.</summary>
    public void Exit()
    {
        Resume();
        Processor.Registers.Rax = (ulong)EncluLeaf.Eexit;
        Processor.Registers.Rbx = Aep;
        Assert.True(Dispatch().IsSuccess);
    }

    /// <summary>The interprocessor interrupt: out when inside this enclave.</summary>
    public void Interrupt(EpcPage secs)
    {
        if (Processor.EnclaveMode && Processor.Secs == secs)
        {
            TakeAex(null, 0, default);
        }
    }

    /// <summary>ERESUME when an asynchronous exit lies before.</summary>
    public void Resume()
    {
        if (Interrupted is { } tcs)
        {
            Processor.Registers.Rbx = tcs.Value;
            Processor.Registers.Rcx = Aep;
            Assert.True(Outside(EncluLeaf.Eresume, tcs), $"ERESUME: {LastFault}");
            Interrupted = null;
        }
    }

    /// <summary>EACCEPT, with the SECINFO in the enclave page given; null when it faults for good.</summary>
    public SgxError? Accept(LinearAddress page, SecinfoFlags flags, LinearAddress secinfo)
    {
        Span<byte> bytes = stackalloc byte[Secinfo.SizeInBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)flags);
        Assert.True(Write(secinfo, bytes), $"SECINFO: {LastFault}");
        return Inside(EncluLeaf.Eaccept, secinfo, page);
    }

    /// <summary>EMODPE.</summary>
    public SgxError? Extend(LinearAddress page, SecinfoFlags flags, LinearAddress secinfo)
    {
        Span<byte> bytes = stackalloc byte[Secinfo.SizeInBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)(flags | SecinfoFlags.Reg));
        Assert.True(Write(secinfo, bytes), $"SECINFO: {LastFault}");
        return Inside(EncluLeaf.Emodpe, secinfo, page);
    }

    /// <summary>Reads from inside; false when it faults for good.</summary>
    public bool Read(LinearAddress address, Span<byte> destination)
    {
        if (!Touch(address, AccessKind.Read, out var page))
        {
            return false;
        }

        machine.Machine.Memory[page].Slice(address.PageOffset, destination.Length).CopyTo(destination);
        return true;
    }

    /// <summary>Writes from inside; false when it faults for good.</summary>
    public bool Write(LinearAddress address, ReadOnlySpan<byte> source)
    {
        if (!Touch(address, AccessKind.Write, out var page))
        {
            return false;
        }

        source.CopyTo(machine.Machine.Memory[page][address.PageOffset..]);
        return true;
    }

    /// <summary>One access from inside, with as many page faults as it takes.</summary>
    public bool Touch(LinearAddress address, AccessKind access, out EpcPage page)
    {
        while (true)
        {
            Resume();
            if (AccessCheck.Check(machine.Machine, Processor, program, address, access) is not { } fault)
            {
                page = program.Walk(address, access).Page;
                return true;
            }

            if (!Resolve(fault, address, access))
            {
                page = EpcPage.None;
                return false;
            }
        }
    }

    private SgxError? Inside(EncluLeaf leaf, LinearAddress secinfo, LinearAddress page)
    {
        while (true)
        {
            Resume();
            Processor.Registers.Rax = (ulong)leaf;
            Processor.Registers.Rbx = secinfo.Value;
            Processor.Registers.Rcx = page.Value;
            var result = Dispatch();
            if (result.Status != LeafStatus.Fault)
            {
                return result.Error;
            }

            if (!Resolve(result.Fault, result.Fault.Address, AccessKind.Read))
            {
                return null;
            }
        }
    }

    private bool Outside(EncluLeaf leaf, LinearAddress tcs)
    {
        while (true)
        {
            Processor.Registers.Rax = (ulong)leaf;
            var result = Dispatch();
            if (result.IsSuccess)
            {
                return true;
            }

            // The TCS or a state save area page may be written out.
            LastFault = result.Status == LeafStatus.Fault ? result.Fault : null;
            if (result.Status != LeafStatus.Fault
                || result.Fault.Vector != ExceptionVector.PageFault
                || IsFinal(result.Fault)
                || program.Fault(result.Fault.Address, AccessKind.Write) != VmFault.NoPage)
            {
                return false;
            }
        }
    }

    // A fault inside: asynchronous exit, then Linux. Faults with the SGX bit, and those no mapping allows, are signals.
    private bool Resolve(Fault fault, LinearAddress address, AccessKind access)
    {
        LastFault = fault;
        Sigbus = false;
        TakeAex(fault.Vector, fault.ErrorCode, fault.Address);
        if (fault.Vector != ExceptionVector.PageFault || IsFinal(fault))
        {
            return false;
        }

        var result = program.Fault(address, access);
        Sigbus = result == VmFault.Sigbus;
        return result == VmFault.NoPage;
    }

    private static bool IsFinal(Fault fault) => ((PageFaultErrorCode)fault.ErrorCode & PageFaultErrorCode.Sgx) != 0;

    private void TakeAex(ExceptionVector? vector, uint errorCode, LinearAddress address)
    {
        var tcs = Processor.Tcs;
        Aex.Execute(machine.Machine, Processor, program, this, vector, errorCode, address);
        Interrupted = tcs;
    }

    private LeafResult Dispatch() => EncluInstruction.Dispatch(machine.Machine, Processor, program, this);
}
