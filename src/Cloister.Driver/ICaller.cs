namespace Cloister.Driver;

/// <summary>The thread that makes an ioctl: its memory, its files and its pending signals. The engine implements it.</summary>
public interface ICaller
{
    /// <summary>The address space the thread runs in (current->mm).</summary>
    IAddressSpace AddressSpace { get; }

    /// <summary>Whether a signal waits for the thread (signal_pending): long calls stop early then.</summary>
    bool SignalPending { get; }

    /// <summary>Copies from the program; false when any byte cannot be read (copy_from_user left some over).</summary>
    /// <param name="source">Linear address, any value the program gave.</param>
    /// <param name="destination">Filled; its contents are unspecified after a failure.</param>
    bool CopyFromUser(ulong source, Span<byte> destination);

    /// <summary>Copies to the program; false when any byte cannot be written.</summary>
    /// <param name="destination">Linear address, any value the program gave.</param>
    /// <param name="source">The bytes to write.</param>
    bool CopyToUser(ulong destination, ReadOnlySpan<byte> source);

    /// <summary>Whether any mapping ends above <paramref name="address"/> (find_vma finds one).</summary>
    /// <param name="address">Linear address of a source page.</param>
    bool SourceIsMapped(ulong address);

    /// <summary>
    /// VM_MAYEXEC of the mapping that find_vma gives for <paramref name="address"/>: false for a file on a noexec
    /// mount. Asked only when <see cref="SourceIsMapped"/> is true.
    /// </summary>
    /// <param name="address">Linear address of a source page.</param>
    bool SourceMayExecute(ulong address);

    /// <summary>Whether the descriptor is open on the provisioning device (/dev/sgx_provision).</summary>
    /// <param name="descriptor">A file descriptor of the thread, any value the program gave.</param>
    bool IsProvisionFile(int descriptor);
}
