using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Driver;

/// <summary>Hears what the driver does. It changes nothing and must not throw.</summary>
public interface IDriverObserver
{
    /// <summary>Hears nothing.</summary>
    static IDriverObserver Silent { get; } = new SilentObserver();

    /// <summary>A program called ioctl.</summary>
    /// <param name="operation">The call, which is done already where it was refused at once.</param>
    /// <param name="name">The command's name in the uapi header; null for a number that is strange here.</param>
    /// <param name="command">Its number.</param>
    /// <param name="argument">The argument as the program gave it.</param>
    /// <param name="enclave">The open file; null for one of the virtual EPC device.</param>
    void IoctlBegan(IoctlOperation operation, string? name, uint command, ulong argument, IOpenEnclave? enclave)
    {
    }

    /// <summary>An ioctl ended: <see cref="IoctlOperation.Result"/> says how, or <see cref="IoctlOperation.IsAbandoned"/>.</summary>
    /// <param name="operation">The call that <see cref="IoctlBegan"/> told of.</param>
    void IoctlEnded(IoctlOperation operation)
    {
    }

    /// <summary>A page fault on a mapping of the device comes to the driver.</summary>
    /// <param name="enclave">The open file; null for one of the virtual EPC device.</param>
    /// <param name="address">Where.</param>
    /// <param name="access">What was tried.</param>
    void FaultBegan(IOpenEnclave? enclave, LinearAddress address, AccessKind access)
    {
    }

    /// <summary>The driver has answered the page fault that <see cref="FaultBegan"/> told of last.</summary>
    /// <param name="result">How.</param>
    void FaultEnded(VmFault result)
    {
    }

    /// <summary>Something goes wrong now by order, in the ioctl that <see cref="IoctlBegan"/> tells of next, or in the page fault that
    /// <see cref="FaultBegan"/> told of last; what has an <see cref="InjectedMoment"/> has happened.</summary>
    /// <param name="failure">What.</param>
    void Injected(InjectedFailure failure)
    {
    }

    private sealed class SilentObserver : IDriverObserver;
}
