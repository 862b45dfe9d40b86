namespace Cloister.Linux;

/// <summary>A way into enclaves.</summary>
/// <remarks>
/// The registers an enclave leaves in would be lost to managed code. A stub of our own keeps them: it is called with the address of an
/// <see cref="EnclaveRun"/>, loads the registers from it, enters and stores them again. It preserves what the System V ABI asks
/// it to, MXCSR and the x87 control word included, whatever the enclave does with them. It changes to a stack that belongs to the TCS:
/// code that goes on by ERESUME leaves with the RSP and RBP of its EENTER, so the frame must be where it was then.
/// </remarks>
public abstract unsafe class EnclaveEntry
{
    private const int PageSize = HostPage.Size;

    // One page for all enclaves, for as long as the process lives.
    private readonly ulong* _page;

    private protected EnclaveEntry(ReadOnlySpan<byte> stub)
    {
        nint page = NativeMethods.Mmap(0, PageSize, MemoryProtection.Read | MemoryProtection.Write, MemoryProtection.Private
            | MemoryProtection.Anonymous, -1, 0);
        if (page == -1)
        {
            throw new LinuxException("mmap", NativeMethods.LastError);
        }

        _page = (ulong*)page;
        stub.CopyTo(new Span<byte>(_page, PageSize));
    }

    private protected ulong* Page => _page;

    /// <summary>Enters and returns when the enclave has left, by EEXIT or by an exception.</summary>
    /// <param name="run">What to enter with; afterwards how it ended.</param>
    /// <param name="stack">The stack of the TCS, always the same, for one caller at a time.</param>
    /// <returns>0, or what the vDSO returned: -EINVAL when <paramref name="run"/> is wrong.</returns>
    public virtual long Enter(ref EnclaveRun run, PageBuffer stack)
    {
        ArgumentNullException.ThrowIfNull(stack);
        run.Stack = stack.Address + (ulong)stack.Length;

        // On this thread's stack: nothing moves it while the call lasts.
        EnclaveRun copy = run;
        long result = ((delegate* unmanaged<EnclaveRun*, long>)_page)(&copy);
        run = copy;
        return result;
    }

    /// <summary>Makes the page executable, once it is complete.</summary>
    private protected void Seal()
    {
        if (NativeMethods.SystemCall(SystemCall.Mprotect, (long)_page, PageSize, MemoryProtection.Read
            | MemoryProtection.Execute, 0, 0, 0) < 0)
        {
            throw new LinuxException("mprotect", NativeMethods.LastError);
        }
    }
}
