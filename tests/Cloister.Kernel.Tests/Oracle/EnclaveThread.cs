using System.Buffers.Binary;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Processor;
using Cloister.Processor.Enclu;

namespace Cloister.Kernel.Tests.Oracle;

/// <summary>
/// A thread of a process on one side: it enters an enclave, does something there, and leaves, with the faults that this takes.
/// </summary>
internal sealed class EnclaveThread(Side side, Process process) : ILinearMemory, IExtendedState
{
    private const ulong Aep = 0x20000;
    private readonly LogicalProcessor _processor = new();
    private LinearAddress? _interrupted;

    public bool IsInside(EpcPage secs) => _processor.EnclaveMode && _processor.Secs == secs;

    /// <summary>Whether it is in an enclave, or was interrupted there.</summary>
    public bool IsBusy => _processor.EnclaveMode || _interrupted is not null;

    /// <summary>EENTER; null when it went well.</summary>
    public string? Enter(ulong tcs)
    {
        (_processor.Registers.Rip, _processor.Registers.Rcx) = (Aep, Aep);
        return AtGate(EncluLeaf.Eenter, tcs);
    }

    /// <summary>EEXIT, after ERESUME where that is needed; null when it went well.</summary>
    public string? Exit()
    {
        if (Resume() is { } problem)
        {
            return problem;
        }

        _processor.Registers.Rax = (ulong)EncluLeaf.Eexit;
        _processor.Registers.Rbx = Aep;
        LeafResult result = Dispatch();
        return result.IsSuccess ? null : $"{result}";
    }

    /// <summary>A leaf inside with a SECINFO at an address of the enclave.</summary>
    public string Do(EncluLeaf leaf, SecinfoFlags flags, ulong secinfo, ulong page, ulong from = 0)
    {
        Span<byte> bytes = stackalloc byte[Secinfo.SizeInBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)flags);
        if (Touch(secinfo, AccessKind.Write, out EpcPage at) is { } problem)
        {
            return problem;
        }

        bytes.CopyTo(side.Machine.Memory[at][(int)(secinfo & 4095)..]);
        for (int tries = 0; tries < 20; tries++)
        {
            if (Resume() is { } refused)
            {
                return refused;
            }

            (_processor.Registers.Rax, _processor.Registers.Rbx, _processor.Registers.Rcx, _processor.Registers.Rdx) =
                ((ulong)leaf, secinfo, page, from);
            LeafResult result = Dispatch();
            if (result.Status != LeafStatus.Fault)
            {
                return $"{result}";
            }

            if (Resolve(result.Fault) is { } fatal)
            {
                return fatal;
            }
        }

        return "faults for ever";
    }

    /// <summary>One access to memory; null when it went well.</summary>
    public string? Touch(ulong address, AccessKind access, out EpcPage page)
    {
        page = EpcPage.None;
        for (int tries = 0; tries < 20; tries++)
        {
            if (Resume() is { } refused)
            {
                return refused;
            }

            if (AccessCheck.Check(side.Machine, _processor, this, new LinearAddress(address), access) is not { } fault)
            {
                page = Walk(new LinearAddress(address), access).Page;
                return page.IsNone ? "no page of the EPC" : null;
            }

            if (Resolve(fault, access) is { } fatal)
            {
                return fatal;
            }
        }

        return "faults for ever";
    }

    /// <summary>An interrupt: out, when it is inside.</summary>
    public void Interrupt()
    {
        if (_processor.EnclaveMode)
        {
            _interrupted = _processor.Tcs;
            Aex.Execute(side.Machine, _processor, this, this, null, 0, default);
        }
    }

    public PageWalk Walk(LinearAddress address, AccessKind access)
    {
        ulong page = address.Value >> 12;
        if (address.Value < UserMemory.NoExecEnd)
        {
            return PageWalk.Ordinary;
        }

        Space space = side.Spaces[process.Number];
        if (!process.Pages.TryGetValue(page, out Process.PageMapping mapping) || !space.Entries.TryGetValue(page, out EpcPage epc))
        {
            return PageWalk.NotPresent;
        }

        if (!Allows(mapping.Protection, access))
        {
            return PageWalk.Denied;
        }

        space.Touch(page);
        return PageWalk.Epc(epc);
    }

    public bool Read(LinearAddress address, Span<byte> destination) => side.User.Read(address.Value, destination);

    public bool Write(LinearAddress address, ReadOnlySpan<byte> source) => side.User.Write(address.Value, source);

    public void Save(Span<byte> xsaveArea, ulong xfrm) => xsaveArea.Clear();

    public void Initialize(ulong xfrm)
    {
    }

    public bool Restore(ReadOnlySpan<byte> xsaveArea, ulong xfrm) => true;

    private static bool Allows(Protection protection, AccessKind access) => (protection & access switch
    {
        AccessKind.Read => Protection.Read,
        AccessKind.Write => Protection.Write,
        _ => Protection.Execute,
    }) != 0;

    private string? Resume() => _interrupted is { } tcs && !_processor.EnclaveMode ? AtGate(EncluLeaf.Eresume, tcs.Value) : null;

    // The TCS and the frames may be written out.
    private string? AtGate(EncluLeaf leaf, ulong tcs)
    {
        for (int tries = 0; tries < 20; tries++)
        {
            (_processor.Registers.Rax, _processor.Registers.Rbx, _processor.Registers.Rcx) = ((ulong)leaf, tcs, Aep);
            LeafResult result = Dispatch();
            if (result.IsSuccess)
            {
                _interrupted = null;
                return null;
            }

            if (result.Status != LeafStatus.Fault || Resolve(result.Fault) is not null)
            {
                return $"{leaf}: {result}";
            }
        }

        return $"{leaf} faults for ever";
    }

    // A fault inside is an asynchronous exit first. What the kernel makes of it; null when the access can be made again.
    private string? Resolve(Fault fault, AccessKind? access = null)
    {
        if (_processor.EnclaveMode)
        {
            _interrupted = _processor.Tcs;
            Aex.Execute(side.Machine, _processor, this, this, fault.Vector, fault.ErrorCode, fault.Address);
        }

        var code = (PageFaultErrorCode)fault.ErrorCode;
        AccessKind kind = access ?? (code.HasFlag(PageFaultErrorCode.Write) ? AccessKind.Write : AccessKind.Read);
        ulong address = fault.Address.Value;
        if (fault.Vector != ExceptionVector.PageFault || code.HasFlag(PageFaultErrorCode.Sgx)
            || !process.Pages.TryGetValue(address >> 12, out Process.PageMapping mapping) || !Allows(mapping.Protection, kind))
        {
            return $"{fault.Vector} {fault.ErrorCode:x} at {address:x}";
        }

        VmFault result = side.Spaces[process.Number].Entries.ContainsKey(address >> 12) ? VmFault.NoPage
            : side.Fault(process, address, kind);
        return result == VmFault.NoPage ? null : $"{result} at {address:x}";
    }

    private LeafResult Dispatch() => EncluInstruction.Dispatch(side.Machine, _processor, this, this);
}
