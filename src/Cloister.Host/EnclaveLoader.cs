using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Images;
using Cloister.Linux;

namespace Cloister.Host;

/// <summary>ECREATE, EADD and EINIT by the driver's ioctls, then the mappings.</summary>
internal static class EnclaveLoader
{
    private const int PagesPerCall = 256;

    /// <param name="secs">Without BASEADDR.</param>
    /// <param name="runs">The pages in the order of EADD.</param>
    /// <param name="sign">Gives the SIGSTRUCT for a measurement.</param>
    /// <param name="method">How it will be entered.</param>
    public static LoadedEnclave Load(Secs secs, IEnumerable<PageRun> runs, Func<byte[], Sigstruct> sign, EntryMethod method)
    {
        EnclaveDevice device = Open();
        EnclaveRange? range = null;
        try
        {
            range = EnclaveRange.Reserve(secs.Size);
            secs.BaseAddr = range.Address;
            EnclaveOperationException.ThrowIf(Operations.Create, device.Create(Bytes(in secs)));
            var added = new List<PageRun>();
            byte[] mrenclave = AddPages(device, secs, runs, added);
            Sigstruct sigstruct = sign(mrenclave);
            Initialise(device, secs, in sigstruct, mrenclave);
            ulong[] threads = [.. added.Where(run => run.PageType == PageType.Tcs).SelectMany(run => Offsets(run))];
            return new LoadedEnclave(device, range, sigstruct, new Mrenclave(mrenclave), threads, Mappings(added), method);
        }
        catch
        {
            range?.Dispose();
            device.Dispose();
            throw;
        }
    }

    /// <exception cref="SgxUnavailableException">It cannot be opened.</exception>
    public static EnclaveDevice Open()
    {
        Errno errno = EnclaveDevice.Open(out EnclaveDevice? device);
        if (device is null)
        {
            throw new SgxUnavailableException(
                errno switch
                {
                    Errno.ENOENT or Errno.ENODEV =>
                        $"{EnclaveDevice.EnclavePath}: this machine has no SGX, or its kernel no driver for it (Linux 5.11); 'cloister run -- PROGRAM' runs the program without",
                    Errno.EACCES or Errno.EPERM =>
                        $"{EnclaveDevice.EnclavePath}: this user may not open it (on many systems members of the group sgx may), or it is mounted noexec",
                    _ => $"{EnclaveDevice.EnclavePath}: {errno}",
                },
                errno);
        }

        return device;
    }

    private static byte[] AddPages(EnclaveDevice device, Secs secs, IEnumerable<PageRun> runs, List<PageRun> added)
    {
        using var measurer = new PageMeasurer(secs.Size, secs.SsaFrameSize);
        using var buffer = PageBuffer.Allocate(PagesPerCall * LinearAddress.PageSize);
        foreach (PageRun run in runs)
        {
            if (!run.IsMeasured && !run.IsUnmeasured)
            {
                throw new EnclaveException(
                    $"{run.Name} at 0x{run.Offset:x}: only some chunks of its pages are measured, and Linux measures a page whole or not at all (SGX_PAGE_MEASURE)");
            }

            for (ulong first = 0; first < run.Count; first += PagesPerCall)
            {
                ulong count = Math.Min(PagesPerCall, run.Count - first);
                for (ulong i = 0; i < count; i++)
                {
                    Span<byte> page = buffer.Bytes.Slice((int)i * LinearAddress.PageSize, LinearAddress.PageSize);
                    run.Content.Read(first + i, page);
                    measurer.Add(run, first + i, page);
                }

                Add(device, buffer, run, first, count);
            }

            added.Add(run);
        }

        return measurer.Mrenclave();
    }

    private static void Add(EnclaveDevice device, PageBuffer buffer, PageRun run, ulong first, ulong count)
    {
        var secinfo = new Secinfo(PageMeasurer.FlagsOf(run));
        ulong offset = run.Offset + (first * LinearAddress.PageSize), done = 0, length = count * LinearAddress.PageSize;
        ulong flags = run.IsUnmeasured ? 0 : EnclaveDevice.MeasurePages;
        while (done < length)
        {
            Errno errno = device.AddPages(buffer, done, offset + done, length - done, Bytes(in secinfo), flags, out ulong more);
            done += more;

            // A signal came: the kernel says how far it got. Linux, sgx_ioc_enclave_add_pages.
            if (errno != Errno.EINTR)
            {
                EnclaveOperationException.ThrowIf(Operations.AddPages, errno, done: done);
            }
        }
    }

    private static void Initialise(EnclaveDevice device, Secs secs, in Sigstruct sigstruct, byte[] mrenclave)
    {
        if (secs.Attributes.Flags.HasFlag(AttributeFlags.ProvisionKey)
            && EnclaveDevice.Open(out EnclaveDevice? provision, EnclaveDevice.ProvisionPath) == Errno.None)
        {
            using (provision)
            {
                EnclaveOperationException.ThrowIf(Operations.Provision, device.Provision(provision!));
            }
        }

        Errno errno;
        do
        {
            errno = device.Init(Bytes(in sigstruct));
        }
        while (errno == Errno.EINTR);
        if (errno == Errno.EPERM && SigstructChecks.Run(in sigstruct, 0).FirstOrDefault(check => !check.Passed) is { } wrong)
        {
            throw new EnclaveOperationException(Operations.Init, errno,
                because: $"the SIGSTRUCT fails its check of {wrong.Name}: {wrong.Where}: expected {wrong.Expected}, found {wrong.Found}");
        }

        if (errno == Errno.EPERM && !((ReadOnlySpan<byte>)sigstruct.Enclavehash).SequenceEqual(mrenclave))
        {
            throw new EnclaveOperationException(Operations.Init, errno, because:
                $"the SIGSTRUCT is of another enclave: ENCLAVEHASH is {Convert.ToHexStringLower(sigstruct.Enclavehash)}, the pages measure {Convert.ToHexStringLower(mrenclave)}");
        }

        if (errno == Errno.EIO)
        {
            // Linux, sgx_encl_init: EINIT faulted, which it does when the SECS is not there.
            throw new EnclaveLostException(
                $"{Operations.Init}: {errno}: the enclave was lost to a power transition before it was whole; build it anew");
        }

        EnclaveOperationException.ThrowIf(Operations.Init, errno);
    }

    // Neighbours with the same access become one mapping. A TCS is mapped as data: Linux, sgx_encl_add_page.
    internal static IEnumerable<(ulong Offset, ulong Length, PageAccess Access)> Mappings(IEnumerable<PageRun> runs)
    {
        (ulong Offset, ulong Length, PageAccess Access) current = default;
        foreach (PageRun run in runs.OrderBy(run => run.Offset))
        {
            PageAccess access = run.PageType == PageType.Tcs ? PageAccess.Read | PageAccess.Write
                : (PageAccess)(run.Flags & SecinfoFlags.PermissionMask);
            ulong length = run.Count * LinearAddress.PageSize;
            if (current.Length != 0 && current.Access == access && current.Offset + current.Length == run.Offset)
            {
                current.Length += length;
                continue;
            }

            if (current.Length != 0)
            {
                yield return current;
            }

            current = (run.Offset, length, access);
        }

        if (current.Length != 0)
        {
            yield return current;
        }
    }

    private static IEnumerable<ulong> Offsets(PageRun run)
    {
        for (ulong at = run.Offset; at < run.End; at += LinearAddress.PageSize)
        {
            yield return at;
        }
    }

    private static ReadOnlySpan<byte> Bytes<T>(in T value)
        where T : unmanaged => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value));
}
