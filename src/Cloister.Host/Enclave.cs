using System.Collections.Concurrent;
using Cloister.Architecture;
using Cloister.Images;
using Cloister.Linux;

namespace Cloister.Host;

/// <summary>An enclave of this process, built and initialised. All members may be called by several threads at a time.</summary>
/// <remarks>It goes through /dev/sgx_enclave and the vDSO only, and so works on SGX hardware as on Cloister.</remarks>
public sealed partial class Enclave : IDisposable
{
    private readonly LoadedEnclave _loaded;
    private readonly ConcurrentDictionary<ulong, EnclaveThread> _threads = [];
    private readonly FreeThreads _free = new();

    internal Enclave(LoadedEnclave loaded)
    {
        _loaded = loaded;
        foreach (ulong offset in loaded.Threads)
        {
            _ = AddThread(offset);
        }
    }

    /// <summary>Where it begins.</summary>
    public LinearAddress BaseAddress => _loaded.BaseAddress;

    /// <summary>SECS.SIZE in bytes.</summary>
    public ulong Size => _loaded.Size;

    /// <summary>What it measures.</summary>
    public Mrenclave Mrenclave => _loaded.Mrenclave;

    /// <summary>What it was initialised with.</summary>
    public Sigstruct Sigstruct => _loaded.Sigstruct;

    /// <summary>Its threads, by ascending offset.</summary>
    public IReadOnlyList<EnclaveThread> Threads => [.. _threads.Values.OrderBy(thread => thread.Offset)];

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
    public static Enclave Load(string path, EnclaveLoadOptions? options = null) =>
        new(EnclaveFileLoader.Load(path, options ?? new EnclaveLoadOptions()));

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
        var thread = new EnclaveThread(_loaded, offset, _free.Readmit);
        if (!_threads.TryAdd(offset, thread))
        {
            throw new ArgumentException($"there is a thread at 0x{offset:x} already", nameof(offset));
        }

        _free.Add(thread);
        return thread;
    }

    /// <summary>
    /// Maps a range, as where the enclave is to grow: pages that are not there are added when they are touched (EAUG), and are pending
    /// until the enclave accepts them.
    /// </summary>
    /// <param name="offset">Bytes from the beginning, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <param name="access">What the page tables permit.</param>
    /// <param name="populate">MAP_POPULATE: ask the kernel to add the pages now.
    /// Linux 6.12 takes it and adds none; each is still added when touched.</param>
    /// <exception cref="EnclaveOperationException">The kernel refused.</exception>
    public void Map(ulong offset, ulong length, PageAccess access, bool populate = false)
    {
        using LoadedEnclave.Use use = _loaded.BeginUse();
        _loaded.Map(offset, length, access, populate);
    }

    /// <summary>Takes a mapping away; the pages stay in the enclave.</summary>
    /// <param name="offset">Bytes from the beginning, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <exception cref="EnclaveOperationException">The kernel refused.</exception>
    public void Unmap(ulong offset, ulong length)
    {
        using LoadedEnclave.Use use = _loaded.BeginUse();
        EnclaveOperationException.ThrowIf(Operations.Unmap,
            _loaded.DriveOut.Change(() => _loaded.Range.Unmap(offset, length), areas => areas.Remove(offset, length)));
    }

    /// <summary>Changes what the page tables permit (mprotect).</summary>
    /// <param name="offset">Bytes from the beginning, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <param name="access">What they permit from now on.</param>
    /// <exception cref="EnclaveOperationException">The kernel refused.</exception>
    public void Protect(ulong offset, ulong length, PageAccess access)
    {
        using LoadedEnclave.Use use = _loaded.BeginUse();
        EnclaveOperationException.ThrowIf(Operations.Protect,
            _loaded.DriveOut.Change(() => _loaded.Range.Protect(offset, length, (int)access),
                areas => areas.Protect(offset, length, access)));
    }

    /// <summary>
    /// Takes permissions away (EMODPR and ETRACK). The enclave then accepts it (EACCEPT with PR), and can extend them again by EMODPE.
    /// </summary>
    /// <param name="offset">Bytes from the beginning, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <param name="access">What remains of the permissions.</param>
    /// <exception cref="EnclaveOperationException">The kernel refused; some pages may have been changed before.</exception>
    public void RestrictPermissions(ulong offset, ulong length, PageAccess access) =>
        Change(Operations.Restrict, offset, length, (ulong)access, _loaded.Device.RestrictPermissions);

    /// <summary>Changes the type (EMODT and ETRACK) to TCS or TRIM. The enclave then accepts it (EACCEPT with MODIFIED).</summary>
    /// <param name="offset">Bytes from the beginning, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <param name="type">TCS or TRIM.</param>
    /// <exception cref="EnclaveOperationException">The kernel refused; some pages may have been changed before.</exception>
    public void ModifyTypes(ulong offset, ulong length, PageType type) =>
        Change(Operations.Modify, offset, length, (ulong)type, _loaded.Device.ModifyTypes);

    /// <summary>Removes pages that are trimmed and of which the enclave has accepted it (EREMOVE).</summary>
    /// <param name="offset">Bytes from the beginning, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <exception cref="EnclaveOperationException">The kernel refused; some pages may have been removed before.</exception>
    public void RemovePages(ulong offset, ulong length) =>
        Change(Operations.Remove, offset, length, 0, (ulong at, ulong rest, ulong _, out ulong result, out ulong done) =>
        {
            result = 0;
            return _loaded.Device.RemovePages(at, rest, out done);
        });

    /// <summary>
    /// Adds pages by AUGMENT_PAGES, pending until the enclave accepts them. The ioctl is of an RFC of March 2022 that was never merged;
    /// Linux answers ENOTTY.
    /// </summary>
    /// <param name="offset">Bytes from the beginning, a multiple of 4096.</param>
    /// <param name="length">Bytes, a multiple of 4096.</param>
    /// <exception cref="EnclaveOperationException">The kernel refused; some pages may have been added before.</exception>
    public void AugmentPages(ulong offset, ulong length) =>
        Change(Operations.Augment, offset, length, 0, (ulong at, ulong rest, ulong _, out ulong result, out ulong done) =>
        {
            result = 0;
            return _loaded.Device.AugmentPages(at, rest, out done);
        });

    /// <summary>Closes it. Its pages are freed when the last call that runs has returned. May be repeated.</summary>
    public void Dispose()
    {
        _loaded.Dispose();
        foreach (EnclaveThread thread in _threads.Values)
        {
            thread.Close();
        }
    }

    private delegate Errno RangeOperation(ulong offset, ulong length, ulong what, out ulong result, out ulong done);

    private void Change(string name, ulong offset, ulong length, ulong what, RangeOperation operation)
    {
        using LoadedEnclave.Use use = _loaded.BeginUse();
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

            EnclaveOperationException.ThrowIf(name, done == length && errno == Errno.EINTR ? Errno.None : errno, sgxError, done);
            return;
        }
    }
}
