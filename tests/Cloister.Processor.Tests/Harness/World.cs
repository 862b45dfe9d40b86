using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Enclu;

namespace Cloister.Processor.Tests.Harness;

/// <summary>A machine with a signer that may launch, page tables, and one processor.</summary>
internal sealed class World
{
    public const PageFaultErrorCode EpcmRead = PageFaultErrorCode.Present | PageFaultErrorCode.User | PageFaultErrorCode.Sgx;
    public const PageFaultErrorCode EpcmWrite = EpcmRead | PageFaultErrorCode.Write;
    public const PageFaultErrorCode AbsentRead = PageFaultErrorCode.User;
    public const PageFaultErrorCode AbsentWrite = PageFaultErrorCode.User | PageFaultErrorCode.Write;

    private int nextPage;

    public World(MachineOptions? options = null, int pages = 64)
    {
        Machine = new SgxMachine(options ?? new MachineOptions { RootKey = new byte[32] }, new ArrayEpcMemory(pages))
        {
            LaunchControlHash = TestSigner.Mrsigner,
        };
    }

    public SgxMachine Machine { get; }

    public FakeLinearMemory Memory { get; } = new();

    public FakeExtendedState ExtendedState { get; } = new();

    public LogicalProcessor Processor { get; } = new();

    /// <summary>A page that was never used.</summary>
    public EpcPage FreePage() => new(nextPage++);

    public EpcPage VersionArray()
    {
        EpcPage page = FreePage();
        Expect.Success(Epa.Execute(Machine, page));
        return page;
    }

    public ref readonly EpcmEntry Epcm(EpcPage page) => ref Machine.Epcm[page];

    public LeafResult Enclu(EncluLeaf leaf, ulong rbx = 0, ulong rcx = 0, ulong rdx = 0, LogicalProcessor? processor = null)
    {
        Registers registers = (processor ?? Processor).Registers;
        (registers.Rax, registers.Rbx, registers.Rcx, registers.Rdx) = ((ulong)leaf, rbx, rcx, rdx);
        return EncluInstruction.Dispatch(Machine, processor ?? Processor, Memory, ExtendedState);
    }

    /// <summary>ETRACK with every thread outside: what changed before is tracked.</summary>
    public void Track(TestEnclave enclave) => Expect.Success(Etrack.Execute(Machine, enclave.Secs));

    /// <summary>Takes a page out of the EPC; its entry is not valid and says what it was otherwise.</summary>
    public EpcPage Removed(EpcPage page)
    {
        Expect.Success(Eremove.Execute(Machine, page));
        return page;
    }

    public static byte[] Bytes<T>(T value) where T : unmanaged
    {
        byte[] bytes = new byte[Marshal.SizeOf<T>()];
        MemoryMarshal.Write(bytes, in value);
        return bytes;
    }
}
