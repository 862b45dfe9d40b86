using Cloister.Driver;
using Cloister.Linux.Kernel;

namespace Cloister.Engine.Kernel;

/// <summary>An ioctl that the kernel's driver works on, in slices between which it holds no lock.</summary>
internal sealed class KernelIoctl(KernelSgxDriver driver, KernelSystemCall call, KernelEnclave? enclave, ICaller caller, string? name)
    : IoctlOperation
{
    /// <summary>On which enclave's file.</summary>
    public KernelEnclave? Enclave => enclave;

    /// <summary>Who makes it.</summary>
    public ICaller Caller => caller;

    /// <summary>The command's name.</summary>
    public string? Name => name;

    /// <summary>Whether a signal waits for the thread, or it has ended.</summary>
    public bool IsSignalPending => Interrupted || IsDone;

    /// <summary>Goes on with it.</summary>
    /// <param name="pages">After so many it is over for now; 0: at its end.</param>
    /// <returns>Whether it has ended.</returns>
    public bool Run(int pages) => call.Continue(pages);

    /// <inheritdoc/>
    protected override long? Advance(int pageBudget) => driver.Work(this, pageBudget) ? call.Result : null;

    /// <inheritdoc/>
    /// <remarks>A thread that was killed is still in its ioctl until that looks for a signal, or ends.</remarks>
    protected override void OnDone()
    {
        if (call is { HasBegun: true, IsDone: false })
        {
            driver.Work(this, 0);
        }

        call.Dispose();
        driver.Observer.IoctlEnded(this);
    }
}
