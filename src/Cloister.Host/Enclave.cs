using System.Collections.Concurrent;
using Cloister.Architecture;
using Cloister.Images;
using Cloister.Linux;

namespace Cloister.Host;

/// <summary>An enclave of this process, built and initialised. All members may be called by several threads at a time.</summary>
/// <remarks>It goes through /dev/sgx_enclave and the vDSO only, and so works on SGX hardware as on Cloister.</remarks>
public sealed class Enclave : IDisposable
{
    private readonly EnclaveDevice _device;
    private readonly EnclaveRange _range;
    private readonly ConcurrentDictionary<ulong, EnclaveThread> _threads = [];
    private readonly BlockingCollection<EnclaveThread> _free = new(new ConcurrentStack<EnclaveThread>());
    private readonly byte[] _mrenclave;
    private readonly Sigstruct _sigstruct;
    private volatile bool _disposed;

    internal Enclave(EnclaveDevice device, EnclaveRange range, Sigstruct sigstruct, byte[] mrenclave, IEnumerable<ulong> threads, EntryMethod method)
    {
        Entry = EntryFor(method);
        _device = device;
        _range = range;
        _mrenclave = mrenclave;
        _sigstruct = sigstruct;
        BaseAddress = new LinearAddress(range.Address);
        Size = range.Length;
        foreach (ulong offset in threads)
        {
            _ = AddThread(offset);
        }
    }

    /// <summary>Where it begins.</summary>
    public LinearAddress BaseAddress { get; }

    /// <summary>SECS.SIZE in bytes.</summary>
    public ulong Size { get; }

    /// <summary>What it measures, 32 bytes.</summary>
    public ReadOnlyMemory<byte> Mrenclave => _mrenclave;

    /// <summary>What it was initialised with.</summary>
    public Sigstruct Sigstruct => _sigstruct;

    /// <summary>Its threads, by ascending offset.</summary>
    public IReadOnlyList<EnclaveThread> Threads => [.. _threads.Values.OrderBy(thread => thread.Offset)];

    internal EnclaveEntry Entry { get; }

    /// <summary>Builds the enclave of a file, with the SIGSTRUCT that is in it or, when it has none, one signed on the spot.</summary>
    /// <remarks>
    /// It does what every loader does: ECREATE with the attributes that the SIGSTRUCT enforces, EADD and EEXTEND of each page in the order
    /// that was signed, EINIT, and a mapping with each page's permissions. It does nothing that belongs to one maker's runtime. An enclave
    /// that talks to its host by registers alone is ready to be called. One that was linked with a runtime (Intel's trts, Open Enclave's
    /// core, Gramine's pal) expects the other half outside: initialisation ecalls, ocall tables, exception handling, dynamic memory; it is
    /// built and measured rightly, and to call it is to speak that protocol. Of the metadata versions of an Intel file the newest is taken
    /// that today's loader takes; ranges that its runtime adds later are reserved and not mapped (<see cref="Map"/>). Gramine manifests and
    /// files of the SDK for Windows do not hold all pages and cannot be loaded.
    /// </remarks>
    /// <param name="path">A file of any kind that Cloister.Images reads.</param>
    /// <param name="options">What else to choose.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="ImageException">It is no enclave file, or not whole.</exception>
    /// <exception cref="SgxUnavailableException">There is no SGX.</exception>
    /// <exception cref="EnclaveOperationException">The kernel refused.</exception>
    public static Enclave Load(string path, EnclaveLoadOptions? options = null) => EnclaveFileLoader.Load(path, options ?? new EnclaveLoadOptions());

    /// <summary>An address inside.</summary>
    /// <param name="offset">Bytes from the beginning.</param>
    public LinearAddress At(ulong offset) => BaseAddress + offset;

    /// <summary>Enters on a free thread, waits for one if there is none, and returns when the enclave has left for good.</summary>
    /// <param name="registers">What the enclave finds in the registers.</param>
    /// <param name="handler">Decides what follows each exit; by default the first ends the call.</param>
    /// <returns>The registers as the enclave left them.</returns>
    /// <exception cref="EnclaveFaultException">An exception inside, and the handler did not cure it. The thread keeps the frame of it.</exception>
    /// <exception cref="EnclaveLostException">The enclave is lost to a power transition.</exception>
    /// <exception cref="InvalidOperationException">The enclave has no thread.</exception>
    /// <exception cref="ObjectDisposedException">It has been disposed.</exception>
    public EnclaveRegisters Call(EnclaveRegisters registers, ExitHandler? handler = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_threads.IsEmpty)
        {
            throw new InvalidOperationException("the enclave has no thread (no TCS)");
        }

        EnclaveThread thread = _free.Take();
        try
        {
            return CallOn(thread, registers, handler);
        }
        finally
        {
            _free.Add(thread);
        }
    }

    /// <summary>Enters with these values in RDI, RSI, RDX, R8 and R9.</summary>
    /// <param name="entry">RDI: which function, by the usual convention.</param>
    /// <param name="first">RSI.</param>
    /// <param name="second">RDX.</param>
    /// <param name="third">R8.</param>
    /// <param name="fourth">R9.</param>
    /// <inheritdoc cref="Call(EnclaveRegisters, ExitHandler?)"/>
    public EnclaveRegisters Call(ulong entry, ulong first = 0, ulong second = 0, ulong third = 0, ulong fourth = 0) =>
        Call(new EnclaveRegisters(entry, first, second, third, fourth));

    /// <summary>As <see cref="Call(EnclaveRegisters, ExitHandler?)"/>, on a thread of the caller's choice.</summary>
    /// <param name="thread">The thread. It must not be in use.</param>
    /// <param name="registers">What the enclave finds in the registers.</param>
    /// <param name="handler">Decides what follows each exit.</param>
    public EnclaveRegisters CallOn(EnclaveThread thread, EnclaveRegisters registers, ExitHandler? handler = null)
    {
        ArgumentNullException.ThrowIfNull(thread);
        EnclaveExit exit = thread.Enter(registers);
        while (true)
        {
            ExitDecision decision = handler?.Invoke(thread, exit) ?? ExitDecision.Finish;
            switch (decision.Chosen)
            {
                case ExitDecision.Choice.Enter:
                    exit = thread.Enter(decision.Registers);
                    break;
                case ExitDecision.Choice.Resume:
                    exit = thread.Resume();
                    break;
                default:
                    return exit.Fault is { } fault
                        ? throw new EnclaveFaultException(fault, FaultText.Describe(fault, BaseAddress.Value, Size))
                        : exit.Registers;
            }
        }
    }

    /// <summary>Tells of a TCS that was made at run time, so that <see cref="Call(EnclaveRegisters, ExitHandler?)"/> can use it.</summary>
    /// <param name="offset">Where it is, bytes from the beginning.</param>
    public EnclaveThread AddThread(ulong offset)
    {
        var thread = new EnclaveThread(this, offset);
        if (!_threads.TryAdd(offset, thread))
        {
            throw new ArgumentException($"there is a thread at 0x{offset:x} already", nameof(offset));
        }

        _free.Add(thread);
        return thread;
    }

    /// <summary>Maps a range, as where the enclave is to grow: pages that are not there are added when they are touched (EAUG), and are pending until the enclave accepts them.</summary>
    /// <param name="offset">Bytes from the beginning, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <param name="access">What the page tables permit.</param>
    /// <param name="populate">MAP_POPULATE: ask the kernel to add the pages now. Linux 6.12 takes it and adds none; each is still added when touched.</param>
    /// <exception cref="EnclaveOperationException">The kernel refused.</exception>
    public void Map(ulong offset, ulong length, PageAccess access, bool populate = false)
    {
        using Use use = BeginUse();
        EnclaveLoader.Check(Operations.Map, _range.Map(_device.File, offset, length, (int)access, populate));
    }

    /// <summary>Takes a mapping away; the pages stay in the enclave.</summary>
    /// <param name="offset">Bytes from the beginning, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <exception cref="EnclaveOperationException">The kernel refused.</exception>
    public void Unmap(ulong offset, ulong length)
    {
        using Use use = BeginUse();
        EnclaveLoader.Check(Operations.Unmap, _range.Unmap(offset, length));
    }

    /// <summary>Changes what the page tables permit (mprotect).</summary>
    /// <param name="offset">Bytes from the beginning, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <param name="access">What they permit from now on.</param>
    /// <exception cref="EnclaveOperationException">The kernel refused.</exception>
    public void Protect(ulong offset, ulong length, PageAccess access)
    {
        using Use use = BeginUse();
        EnclaveLoader.Check(Operations.Protect, _range.Protect(offset, length, (int)access));
    }

    /// <summary>Takes permissions away (EMODPR and ETRACK). The enclave then accepts it (EACCEPT with PR), and can extend them again by EMODPE.</summary>
    /// <param name="offset">Bytes from the beginning, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <param name="access">What remains of the permissions.</param>
    /// <exception cref="EnclaveOperationException">The kernel refused; some pages may have been changed before.</exception>
    public void RestrictPermissions(ulong offset, ulong length, PageAccess access) =>
        Change(Operations.Restrict, offset, length, (ulong)access, _device.RestrictPermissions);

    /// <summary>Changes the type (EMODT and ETRACK) to TCS or TRIM. The enclave then accepts it (EACCEPT with MODIFIED).</summary>
    /// <param name="offset">Bytes from the beginning, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <param name="type">TCS or TRIM.</param>
    /// <exception cref="EnclaveOperationException">The kernel refused; some pages may have been changed before.</exception>
    public void ModifyTypes(ulong offset, ulong length, PageType type) =>
        Change(Operations.Modify, offset, length, (ulong)type, _device.ModifyTypes);

    /// <summary>Removes pages that are trimmed and of which the enclave has accepted it (EREMOVE).</summary>
    /// <param name="offset">Bytes from the beginning, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <exception cref="EnclaveOperationException">The kernel refused; some pages may have been removed before.</exception>
    public void RemovePages(ulong offset, ulong length) =>
        Change(Operations.Remove, offset, length, 0, (ulong at, ulong rest, ulong _, out ulong result, out ulong done) =>
        {
            result = 0;
            return _device.RemovePages(at, rest, out done);
        });

    /// <summary>Adds pages by AUGMENT_PAGES, pending until the enclave accepts them. The ioctl is of an RFC of March 2022 that was never merged; Linux answers ENOTTY.</summary>
    /// <param name="offset">Bytes from the beginning, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <exception cref="EnclaveOperationException">The kernel refused; some pages may have been added before.</exception>
    public void AugmentPages(ulong offset, ulong length) =>
        Change(Operations.Augment, offset, length, 0, (ulong at, ulong rest, ulong _, out ulong result, out ulong done) =>
        {
            result = 0;
            return _device.AugmentPages(at, rest, out done);
        });

    /// <summary>Closes it. Its pages are freed when the last call that runs has returned. May be repeated.</summary>
    public void Dispose()
    {
        // The handle of the mappings counts who is inside; it takes new users until the last has left, and this does not.
        _disposed = true;
        _range.Dispose();
        _device.Dispose();
        foreach (EnclaveThread thread in _threads.Values)
        {
            thread.Close();
        }
    }

    /// <summary>Keeps the mappings while something uses them, whoever disposes the enclave meanwhile.</summary>
    internal Use BeginUse()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        bool held = false;
        _range.DangerousAddRef(ref held);
        return new Use(_range);
    }

    private static EnclaveEntry EntryFor(EntryMethod method) => method switch
    {
        EntryMethod.Inline => InlineEntry.Instance,
        EntryMethod.Automatic => (EnclaveEntry?)VdsoEntry.Instance ?? InlineEntry.Instance,
        _ => VdsoEntry.Instance ?? throw new SgxUnavailableException($"the vDSO has no {VdsoLookup.SgxEnterEnclave}: it needs Linux 5.11 or later with SGX; {nameof(EntryMethod)}.{nameof(EntryMethod.Inline)} does without", Errno.None),
    };

    private delegate Errno RangeOperation(ulong offset, ulong length, ulong what, out ulong result, out ulong done);

    private void Change(string name, ulong offset, ulong length, ulong what, RangeOperation operation)
    {
        using Use use = BeginUse();
        ulong done = 0;
        while (true)
        {
            Errno errno = operation(offset + done, length - done, what, out ulong sgxError, out ulong more);
            done += more;

            // A signal came: the kernel says how far it got, as an error or, after the first page, without one.
            if ((errno == Errno.EINTR || (errno == Errno.None && more > 0)) && done < length)
            {
                continue;
            }

            EnclaveLoader.Check(name, done == length && errno == Errno.EINTR ? Errno.None : errno, sgxError, done);
            return;
        }
    }

    internal readonly struct Use(EnclaveRange range) : IDisposable
    {
        public void Dispose() => range.DangerousRelease();
    }
}
