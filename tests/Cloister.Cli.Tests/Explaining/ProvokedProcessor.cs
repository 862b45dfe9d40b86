using Cloister.Architecture;
using Cloister.Cli.Explaining;
using Cloister.Driver;
using Cloister.Engine.Observers;
using Cloister.Processor;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Cli.Tests.Explaining;

/// <summary>The processor with an enclave, and what is explained of the leaves that it executes.</summary>
internal sealed class ProvokedProcessor : IThreadKicker, IDisposable
{
    private readonly List<string> _lines = [];
    private readonly Explainer _explainer;
    private readonly ProvokingThread _thread;

    private ProvokedProcessor(MachineOptions? options, Func<ProvokedProcessor, TestEnclave> build)
    {
        World = new World(options);
        _thread = new ProvokingThread(World.Processor, World.Memory);
        _explainer = new Explainer(World.Machine, new SgxDriver(World.Machine, new DriverOptions(), this), _lines.Add);
        Enclave = build(this);
        _explainer.Working(_thread);
    }

    public World World { get; }

    public SgxMachine Machine => World.Machine;

    public TestEnclave Enclave { get; }

    /// <summary>What is said when something is done with an initialised enclave.</summary>
    public static IReadOnlyList<string> Explained(Action<ProvokedProcessor> act, MachineOptions? options = null,
        Func<Secs, Secs>? secs = null, Func<Tcs, Tcs>? tcs = null, ulong origin = TestEnclave.DefaultBase) =>
        Explained(options, one => TestEnclave.Built(one.World, secs, tcs, origin: origin), act);

    /// <summary>What is said when something is done with an enclave before EINIT.</summary>
    public static IReadOnlyList<string> ExplainedBeforeInit(Action<ProvokedProcessor> act) => Explained(null, one =>
    {
        var enclave = new TestEnclave(one.World);
        enclave.AddPages();
        return enclave;
    }, act);

    public void ForceExits(EpcPage secs)
    {
    }

    public void Dispose() => _explainer.Dispose();

    /// <summary>A leaf that the program executes, and what becomes of its fault.</summary>
    public void Enclu(EncluLeaf leaf, LinearAddress rbx = default, LinearAddress rcx = default, LinearAddress rdx = default)
    {
        bool inside = World.Processor.EnclaveMode;
        _explainer.Working(_thread);
        LeafResult result = World.Enclu(leaf, rbx.Value, rcx.Value, rdx.Value);
        if (result.Status != LeafStatus.Fault)
        {
            return;
        }

        if (inside)
        {
            Aex.Execute(Machine, World.Processor, World.Memory, World.ExtendedState, result.Fault.Vector, result.Fault.ErrorCode,
                result.Fault.Address);
        }

        _explainer.ExceptionRaised(_thread,
            new RaisedException(result.Fault.Vector, result.Fault.ErrorCode, result.Fault.Address, ExceptionWay.Vdso, 0));
    }

    /// <summary>The same inside, with a SECINFO.</summary>
    public void EncluInside(EncluLeaf leaf, SecinfoFlags secinfo, LinearAddress rcx, LinearAddress rdx = default)
    {
        Enclave.Enter();
        Enclu(leaf, Enclave.Place(new Secinfo(secinfo)), rcx, rdx);
    }

    /// <summary>A leaf that a driver executes in an ioctl, which fails by it.</summary>
    public void Encls(Func<LeafResult> leaf)
    {
        using var operation = new LeafOperation(leaf);
        _explainer.IoctlBegan(operation, "SGX_IOC_OF_A_DRIVER", 0, 0, null);
        Assert.True(operation.Continue(1));
        _explainer.IoctlEnded(operation);
    }

    private static List<string> Explained(MachineOptions? options, Func<ProvokedProcessor, TestEnclave> build,
        Action<ProvokedProcessor> act)
    {
        using var provoked = new ProvokedProcessor(options, build);
        Assert.Empty(provoked._lines);
        act(provoked);
        return provoked._lines;
    }

    private sealed class LeafOperation(Func<LeafResult> leaf) : IoctlOperation
    {
        protected override long? Advance(int pageBudget) => leaf().IsSuccess ? 0 : -(long)DriverError.EIO;
    }
}
