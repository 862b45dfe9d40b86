using Cloister.Driver;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Stubs;
using Cloister.Linux;
using Cloister.Processor.Enclu;

namespace Cloister.Engine.Fast;

/// <summary>The stubs of one address space: where they lie, and whose they are.</summary>
/// <param name="tables">What the stubs read and write.</param>
/// <param name="freeEntry">Frees the TCS that a slot has taken.</param>
/// <param name="switchesView">Whether stubs show and hide the enclaves.</param>
internal sealed class StubPlaces(FastTables tables, Action<int> freeEntry, bool switchesView = false)
{
    private readonly InterruptedStubs _interrupted = new(tables, freeEntry);
    private readonly List<EnterStubAddresses> _enterStubs = [];
    private readonly List<ExitStubCode> _exitStubs = [];
    private readonly Dictionary<ulong, ulong> _siteOf = [];
    private readonly List<(ulong Page, int Offset)> _pages = [];
    private readonly Dictionary<ulong, int> _pageUsed = [];
    private int _stubPages;

    /// <summary>Makes a stub known that a program jumps to; the vDSO's own is known by its image.</summary>
    public void Add(EnterStubAddresses stub) => _enterStubs.Add(stub);

    /// <summary>Makes a stub known that an enclave jumps to.</summary>
    public void Add(ExitStubCode stub) => _exitStubs.Add(stub);

    /// <summary>Fork: the child has its parent's stubs.</summary>
    public void Inherit(StubPlaces parent)
    {
        _enterStubs.AddRange(parent._enterStubs);
        _exitStubs.AddRange(parent._exitStubs);
        foreach ((ulong stub, ulong site) in parent._siteOf)
        {
            _siteOf[stub] = site;
        }
    }

    /// <summary>A stop in the middle of a stub is put back to before it, or forward to behind it.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="number">Its slot, or -1.</param>
    /// <returns>False when the thread was in no stub.</returns>
    public bool Normalise(TracedThread thread, int number)
    {
        ulong rip = thread.Peek().Rip;
        if (rip - Area.ProtectCalls < Area.ProtectCallsLength && number >= 0)
        {
            // A stub's calls: nobody counts on the view that they leave.
            rip = tables.ReadU64(FastTables.Slot(number) + FastLayout.SlotReturn);
        }

        if (thread.Space.Vdso is { InitializesState: not 0 and var initializes } vdso && rip == initializes)
        {
            ref UserRegisters r = ref thread.Registers;
            thread.Initialize((r.Rdx << 32) | (uint)r.Rax);
            r.Rip = vdso.StateInitialized;
            return false;
        }

        ulong tails = Area.Fast + FastLayout.Tails;
        if (rip - tails < FastLayout.MappedLength - FastLayout.Tails)
        {
            int index = (int)((rip - tails) / FastLayout.TailLength);
            _interrupted.FinishTail(thread, number, index, rip - tails - (ulong)(index * FastLayout.TailLength));
            return true;
        }

        // The vDSO's function is written when it is first called, which may be long after the first stub.
        if (thread.Space.Vdso?.Stub is { } own && own.Contains(rip))
        {
            _interrupted.Leave(thread, number, own, rip);
            return true;
        }

        foreach (EnterStubAddresses stub in _enterStubs)
        {
            if (stub.Contains(rip))
            {
                _interrupted.Leave(thread, number, stub, rip);
                return true;
            }
        }

        foreach (ExitStubCode stub in _exitStubs)
        {
            if (stub.Contains(rip))
            {
                _interrupted.Leave(thread, number, stub, rip);
                return true;
            }
        }

        return false;
    }

    /// <summary>The site of an ENCLU that stands in a stub in the place of the program's own, or the address itself.</summary>
    public ulong SiteOf(ulong rip) => _siteOf.GetValueOrDefault(rip, rip);

    /// <summary>Writes a stub for the ENCLU at a site and returns its address, or null when nothing can be mapped
    /// where it may lie.</summary>
    public ulong? Place(TracedThread thread, ulong site, JumpTargets targets, bool inEnclave)
    {
        if (RoomIn(thread, targets) is not (ulong page, int offset))
        {
            return null;
        }

        ulong address = page + (ulong)(offset & 4095);
        if (inEnclave)
        {
            ExitStubCode stub = ExitStub.Assemble(address, site, switchesView);
            stub.Code.CopyTo(tables.Slice(FastLayout.Stubs + offset, stub.Code.Length));
            _exitStubs.Add(stub);
            _siteOf[stub.Enclu] = site;
            return address;
        }

        var assembler = new Iced.Intel.Assembler(64);
        var enter = new EnterStub(switchesView);
        Iced.Intel.Label start = assembler.CreateLabel(), enclu = assembler.CreateLabel();
        enter.Emit(assembler, a => a.mov(Iced.Intel.AssemblerRegisters.rcx, site + EncluInstruction.Length), ref start, ref enclu);
        using var stream = new MemoryStream();
        Iced.Intel.AssemblerResult result = assembler.Assemble(new Iced.Intel.StreamCodeWriter(stream), address,
            Iced.Intel.BlockEncoderOptions.ReturnNewInstructionOffsets);
        byte[] code = stream.ToArray();
        code.CopyTo(tables.Slice(FastLayout.Stubs + offset, code.Length));
        EnterStubAddresses addresses = enter.Addresses(result);
        Add(addresses);
        _siteOf[addresses.Enclu] = site;
        return address;
    }

    private (ulong Page, int Offset)? RoomIn(TracedThread thread, JumpTargets targets)
    {
        const int largestStub = 1024;
        foreach ((ulong page, int offset) in _pages)
        {
            if (page >= targets.First && page + 4095 <= targets.Last && _pageUsed[page] + largestStub <= 4096)
            {
                int at = offset + _pageUsed[page];
                _pageUsed[page] += largestStub;
                return (page, at);
            }
        }

        var enclaves = thread.Space.Mappings.All.Select(mapping => mapping.File.Enclave).OfType<IOpenEnclave>()
            .Select(enclave => (enclave.Base.Value, enclave.Base.Value + enclave.Size));
        if (_stubPages * 4096 >= FastLayout.FileLength - FastLayout.Stubs
            || FreeRange.In(HeldMappings.Of(thread), targets, 4096, enclaves) is not { } address)
        {
            return null;
        }

        // mremap of no bytes of a shared mapping makes a second one: no descriptor has to stay open in the program. mremap(2).
        int fileOffset = _stubPages * 4096;
        const ulong moveFixed = 3;
        long[] mapped = new RemoteCalls()
            .Add(SystemCall.Mmap, address, 4096, MemoryProtection.None, MemoryProtection.Private | MemoryProtection.Anonymous
            | MemoryProtection.FixedNoReplace, ulong.MaxValue, 0)
            .Add(SystemCall.Mremap, Area.Fast + FastLayout.Stubs + (ulong)fileOffset, 0, 4096, moveFixed, address)
            .Run(thread);
        if (mapped.Any(result => result != (long)address))
        {
            return null;
        }

        _stubPages++;
        _pages.Add((address, fileOffset));
        _pageUsed[address] = largestStub;
        return (address, fileOffset);
    }
}
