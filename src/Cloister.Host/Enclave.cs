using System.Collections.Concurrent;
using Cloister.Architecture;
using Cloister.Images;
using Cloister.Linux;

namespace Cloister.Host;

/// <summary>An enclave of this process, built and initialised. All members may be called by several threads at a time.</summary>
/// <remarks>It goes through /dev/sgx_enclave and the vDSO only, and so works on SGX hardware as on Cloister.</remarks>
public sealed partial class Enclave : IDisposable
{
    private readonly EnclaveDevice _device;
    private readonly EnclaveRange _range;
    private readonly ConcurrentDictionary<ulong, EnclaveThread> _threads = [];
    private readonly FreeThreads _free = new();
    private readonly Sigstruct _sigstruct;
    private volatile bool _disposed;

    internal Enclave(
        EnclaveDevice device,
        EnclaveRange range,
        Sigstruct sigstruct,
        Mrenclave mrenclave,
        IEnumerable<ulong> threads,
        IEnumerable<(ulong Offset, ulong Length, PageAccess Access)> mappings,
        EntryMethod method)
    {
        Entry = EntryFor(method);
        _device = device;
        _range = range;
        DriveOut = new DriveOut(range);
        foreach ((ulong offset, ulong length, PageAccess access) in mappings)
        {
            EnclaveLoader.Check(Operations.Map, DriveOut.Change(() => range.Map(device.File, offset, length, (int)access), areas => areas.Set(offset, length, access)));
        }

        Mrenclave = mrenclave;
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

    /// <summary>What it measures.</summary>
    public Mrenclave Mrenclave { get; }

    /// <summary>What it was initialised with.</summary>
    public Sigstruct Sigstruct => _sigstruct;

    /// <summary>Its threads, by ascending offset.</summary>
    public IReadOnlyList<EnclaveThread> Threads => [.. _threads.Values.OrderBy(thread => thread.Offset)];

    internal EnclaveEntry Entry { get; }

    internal DriveOut DriveOut { get; }

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

    /// <summary>Looks whether this process can build enclaves, by opening the device.</summary>
    /// <returns>Null when it can, else what stands against it and what to do.</returns>
    public static string? FindObstacle()
    {
        try
        {
            using EnclaveDevice device = EnclaveLoader.Open();
            return null;
        }
        catch (SgxUnavailableException e)
        {
            return e.Message;
        }
    }

    /// <summary>An address inside.</summary>
    /// <param name="offset">Bytes from the beginning.</param>
    public LinearAddress At(ulong offset) => BaseAddress + offset;

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
        EnclaveLoader.Check(Operations.Map, DriveOut.Change(() => _range.Map(_device.File, offset, length, (int)access, populate), areas => areas.Set(offset, length, access)));
    }

    /// <summary>Takes a mapping away; the pages stay in the enclave.</summary>
    /// <param name="offset">Bytes from the beginning, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <exception cref="EnclaveOperationException">The kernel refused.</exception>
    public void Unmap(ulong offset, ulong length)
    {
        using Use use = BeginUse();
        EnclaveLoader.Check(Operations.Unmap, DriveOut.Change(() => _range.Unmap(offset, length), areas => areas.Remove(offset, length)));
    }

    /// <summary>Changes what the page tables permit (mprotect).</summary>
    /// <param name="offset">Bytes from the beginning, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <param name="access">What they permit from now on.</param>
    /// <exception cref="EnclaveOperationException">The kernel refused.</exception>
    public void Protect(ulong offset, ulong length, PageAccess access)
    {
        using Use use = BeginUse();
        EnclaveLoader.Check(Operations.Protect, DriveOut.Change(() => _range.Protect(offset, length, (int)access), areas => areas.Protect(offset, length, access)));
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
        if (DriveOut.Lost is { } reason)
        {
            throw new EnclaveLostException($"the enclave is lost: {reason}; build it anew");
        }

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
