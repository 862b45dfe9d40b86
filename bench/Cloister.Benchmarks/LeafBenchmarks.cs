using System.Runtime.InteropServices;
using BenchmarkDotNet.Attributes;
using Cloister.Architecture;
using Cloister.Processor;
using Cloister.Processor.Encls;
using Cloister.Processor.Enclu;
using static Cloister.Benchmarks.ModelEnclave;

namespace Cloister.Benchmarks;

/// <summary>Leaves of the model; the column Op/s is sequences per second, each as long as its name.</summary>
[MemoryDiagnoser]
public class LeafBenchmarks
{
    // EPC pages: 0 the SECS, then one for each page of the enclave (data with the SECINFOs, TCS, a frame, the page that comes and goes),
    // and a version array.
    private const ulong DataOffset = 0, TcsOffset = 0x1000, FrameOffset = 0x2000, PageOffset = 0x3000;
    private const int PendingSecinfo = 0, RestrictedSecinfo = 64, TrimSecinfo = 128;
    private static readonly EpcPage s_data = new(1), s_tcs = new(2), s_frame = new(3), s_page = new(4), s_versions = new(5);
    private static readonly Secinfo s_readOnly = new(SecinfoFlags.R);
    private static readonly Secinfo s_trim = new(PageType.Trim, 0);
    private readonly LogicalProcessor _processor = new();
    private readonly NoExtendedState _state = new();
    private readonly byte[] _evicted = new byte[LinearAddress.PageSize];
    private readonly byte[] _pcmd = new byte[Pcmd.SizeInBytes];
    private ModelEnclave _enclave = null!;
    private SgxMachine _machine = null!;
    private MappedPages _memory = null!;

    /// <summary>An initialised enclave.</summary>
    [GlobalSetup]
    public void Setup()
    {
        _machine = new SgxMachine(new MachineOptions(), new ArrayEpcMemory(16));
        _enclave = new ModelEnclave(_machine, 0x10000);
        _memory = new MappedPages(_enclave.Base);
        byte[] page = new byte[LinearAddress.PageSize];
        _enclave.Add(s_data, DataOffset, Writable, page);
        var tcs = new Tcs { Ossa = FrameOffset, Nssa = 1, Fslimit = 0xfff, Gslimit = 0xfff };
        MemoryMarshal.Write(page, in tcs);
        _enclave.Add(s_tcs, TcsOffset, new Secinfo(PageType.Tcs, 0), page);
        _enclave.Add(s_frame, FrameOffset, Writable, new byte[LinearAddress.PageSize]);
        _enclave.Init();
        Expect(Epa.Execute(_machine, s_versions));
        Place(PendingSecinfo, SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pending);
        Place(RestrictedSecinfo, SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.Pr);
        Place(TrimSecinfo, SecinfoFlags.Trim | SecinfoFlags.Modified);
    }

    /// <summary>Two leaves.</summary>
    [Benchmark(Description = "EENTER, EEXIT")]
    public void EnterAndExit()
    {
        Enter();
        Exit();
    }

    /// <summary>The leaves of a page's life by EDMM, with the entry and exit that EACCEPT needs.</summary>
    [Benchmark(Description = "EAUG, EENTER, EACCEPT, EEXIT, EREMOVE")]
    public void AugmentAndAccept()
    {
        Expect(Eaug.Execute(_machine, _enclave.Secs, _enclave.Base + PageOffset, null, s_page));
        Accept(PendingSecinfo);
        Expect(Eremove.Execute(_machine, s_page));
    }

    /// <summary>A page's whole life.</summary>
    [Benchmark(Description = "EAUG, EMODPR, EMODT, 3 ETRACK-EENTER-EACCEPT-EEXIT, EREMOVE")]
    public void WholeLife()
    {
        Expect(Eaug.Execute(_machine, _enclave.Secs, _enclave.Base + PageOffset, null, s_page));
        Accept(PendingSecinfo);
        Expect(Emodpr.Execute(_machine, s_page, s_readOnly));
        Expect(Etrack.Execute(_machine, _enclave.Secs));
        Accept(RestrictedSecinfo);
        Expect(Emodt.Execute(_machine, s_page, s_trim));
        Expect(Etrack.Execute(_machine, _enclave.Secs));
        Accept(TrimSecinfo);
        Expect(Eremove.Execute(_machine, s_page));
    }

    /// <summary>A page goes and comes back.</summary>
    [Benchmark(Description = "EBLOCK, ETRACK, EWB, ELDU")]
    public void EvictAndLoad()
    {
        Expect(Eblock.Execute(_machine, s_frame));
        Expect(Etrack.Execute(_machine, _enclave.Secs));
        Expect(Ewb.Execute(_machine, s_frame, s_versions, 0, _evicted, _pcmd, out LinearAddress address));
        Expect(Eldu.Execute(_machine, _enclave.Secs, address, _evicted, _pcmd, s_versions, 0, s_frame));
    }

    private void Accept(int secinfo)
    {
        Enter();
        Enclu(EncluLeaf.Eaccept, _enclave.Base.Value + (ulong)secinfo, _enclave.Base.Value + PageOffset);
        Exit();
    }

    private void Enter() => Enclu(EncluLeaf.Eenter, _enclave.Base.Value + TcsOffset, 0x40_0000);

    private void Exit() => Enclu(EncluLeaf.Eexit, 0x40_0000, 0);

    private void Enclu(EncluLeaf leaf, ulong rbx, ulong rcx)
    {
        (_processor.Registers.Rax, _processor.Registers.Rbx, _processor.Registers.Rcx) = ((ulong)leaf, rbx, rcx);
        Expect(EncluInstruction.Dispatch(_machine, _processor, _memory, _state));
    }

    private void Place(int offset, SecinfoFlags flags)
    {
        var secinfo = new Secinfo(flags);
        MemoryMarshal.Write(_machine.Memory[s_data][offset..], in secinfo);
    }
}
