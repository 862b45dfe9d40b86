using System.Runtime.InteropServices;

namespace Cloister.Linux.Kernel;

/// <summary>A call to the kernel's driver that may be over for now before it has ended.</summary>
public sealed unsafe class KernelSystemCall : IDisposable
{
    private readonly KernelDriver _driver;
    private KernelCall* _call;

    internal KernelSystemCall(KernelDriver driver, in KernelCall call)
    {
        _driver = driver;
        _call = (KernelCall*)NativeMemory.Alloc((nuint)sizeof(KernelCall));
        *_call = call;
    }

    /// <summary>Whether anything of it was done.</summary>
    public bool HasBegun { get; private set; }

    /// <summary>Whether it has ended.</summary>
    public bool IsDone { get; private set; }

    /// <summary>What it gave back, when it has ended.</summary>
    public long Result { get; private set; }

    /// <summary>Goes on.</summary>
    /// <param name="pages">After so many it is over for now; 0: when it has ended.</param>
    /// <returns>Whether it has ended.</returns>
    public bool Continue(int pages)
    {
        ObjectDisposedException.ThrowIf(_call is null, this);
        HasBegun = true;
        if (!IsDone)
        {
            try
            {
                IsDone = _driver.Run(_call, pages);
            }
            finally
            {
                // Whatever came of a question: the call itself has ended, or has not.
                IsDone |= _driver.HasEnded;
                Result = _call->Result;
            }
        }

        return IsDone;
    }

    /// <inheritdoc/>
    /// <remarks>One that has begun must have ended.</remarks>
    public void Dispose()
    {
        NativeMemory.Free(_call);
        _call = null;
    }
}
