using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Ioctls;
using Cloister.Driver.Ioctls.Tables;
using Cloister.Driver.Tests.Harness;

namespace Cloister.Driver.Tests.Ioctls;

/// <summary>What a structure comes to: the errno, and the structure afterwards.</summary>
internal delegate (DriverError Error, ulong[] After) EdgeValueRule(ulong[] fields);

/// <summary>The rules of every ioctl on an enclave of 64 pages, told apart from the product's.</summary>
internal sealed class EdgeValueRules(TestMachine machine, Dictionary<int, SecinfoFlags> pages)
{
    public const ulong PageSize = 4096;
    public const ulong Size = 64 * PageSize;

    private const ulong Heap = EnclaveImage.HeapPage * PageSize;

    private readonly HashSet<int> _unaccepted = [];

    /// <summary>A structure that is accepted, and what any other comes to.</summary>
    public (ulong[] Good, EdgeValueRule Rule) Of(IoctlRow row) => row.Class.Name switch
    {
        nameof(EnclaveCreate) or nameof(EnclaveInit) => ([0], fields => (DriverError.EFAULT, fields)),
        nameof(EnclaveProvision) => Provision(),
        nameof(EnclaveAddPages) => AddPages(),
        nameof(EnclaveRestrictPermissions) => ([Heap, PageSize, 1, 0, 0], fields => Permissions(fields, checksMaximum: false)),
        nameof(PageModp) => ([Heap, PageSize, 1, 0, 0], fields => Permissions(fields, checksMaximum: true)),
        nameof(EnclaveRestrictPerm) => BySecinfo(SecinfoFlags.R, hasResult: true, RegularOnly),
        nameof(EnclaveRelaxPerm) => BySecinfo(SecinfoFlags.R, hasResult: false, RegularOnly),
        nameof(EnclaveModt) => BySecinfo(SecinfoFlags.Trim, hasResult: true, page => Retype(page, PageType.Trim)),
        nameof(EnclaveModifyTypes) or nameof(PageModt) => ([Heap, PageSize, 4, 0, 0], Types),
        nameof(EnclaveRemovePages) => ([Heap, PageSize, 0], RemovePages),
        nameof(EnclaveAugmentPages) => ([32 * PageSize, PageSize, 0], AugmentPages),
        _ => throw new ArgumentOutOfRangeException(nameof(row), row.Class.Name, "There is no rule for it."),
    };

    private static bool IsRange(ulong offset, ulong length) =>
        offset % PageSize == 0
        && length % PageSize == 0
        && length != 0
        && (UInt128)offset + length <= Size;

    private static DriverError ForEachPage(ulong offset, ulong length, out ulong done, Func<int, ulong, DriverError> rule)
    {
        for (done = 0; done < length; done += PageSize)
        {
            var error = rule((int)((offset + done) / PageSize), done);
            if (error != DriverError.None)
            {
                return error;
            }
        }

        return DriverError.None;
    }

    private static ulong[] With(ulong[] fields, int index, ulong value)
    {
        ulong[] copy = [.. fields];
        copy[index] = value;
        return copy;
    }

    private ulong AllocateSecinfo(SecinfoFlags flags)
    {
        var secinfo = new Secinfo(flags);
        return machine.Program.Allocate(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref secinfo, 1)));
    }

    private (ulong[] Good, EdgeValueRule Rule) Provision()
    {
        machine.Program.ProvisionFiles.Add(5);
        return ([5], fields => ((uint)fields[0] == 5 ? DriverError.None : DriverError.EINVAL, fields));
    }

    private (ulong[] Good, EdgeValueRule Rule) AddPages()
    {
        ulong source = machine.Program.Allocate(new byte[2 * PageSize]);
        ulong good = AllocateSecinfo(SecinfoFlags.Reg | SecinfoFlags.R);
        return ([source, 16 * PageSize, PageSize, good, 1, 0], fields =>
        {
            if (fields[0] % PageSize != 0 || !IsRange(fields[1], fields[2]))
            {
                return (DriverError.EINVAL, fields);
            }

            if (fields[3] != good)
            {
                return (DriverError.EFAULT, fields);
            }

            var error = ForEachPage(fields[1], fields[2], out ulong done, (page, before) =>
            {
                if (pages.ContainsKey(page))
                {
                    return DriverError.EBUSY;
                }

                ulong at = fields[0] + before;
                if (at != source && at != source + PageSize)
                {
                    return DriverError.EFAULT;
                }

                pages[page] = SecinfoFlags.Reg | SecinfoFlags.R;
                return DriverError.None;
            });
            return (error, With(fields, 5, done));
        }
        );
    }

    private (DriverError Error, ulong[] After) Permissions(ulong[] fields, bool checksMaximum)
    {
        bool isBad = !IsRange(fields[0], fields[1])
            || fields[2] > 7
            || (fields[2] & 3) == 2
            || fields[3] != 0
            || fields[4] != 0;
        if (isBad)
        {
            return (DriverError.EINVAL, fields);
        }

        var error = ForEachPage(fields[0], fields[1], out ulong done, (page, _) =>
        {
            var refused = RegularOnly(page);
            bool isTooMuch = checksMaximum
                && refused == DriverError.None
                && ((SecinfoFlags)fields[2] & ~pages[page] & SecinfoFlags.PermissionMask) != 0;
            return isTooMuch ? DriverError.EPERM : refused;
        });
        return (error, With(fields, 4, done));
    }

    // The generations that take a SECINFO: offset, length, secinfo, (result,) count.
    private (ulong[] Good, EdgeValueRule Rule) BySecinfo(SecinfoFlags flags, bool hasResult, Func<int, DriverError> rule)
    {
        ulong good = AllocateSecinfo(flags);
        ulong[] fields = hasResult ? [Heap, PageSize, good, 0, 0] : [Heap, PageSize, good, 0];
        return (fields, fields =>
        {
            if (!IsRange(fields[0], fields[1]))
            {
                return (DriverError.EINVAL, fields);
            }

            if (fields[2] != good)
            {
                return (DriverError.EFAULT, fields);
            }

            if (fields.Skip(3).Any(field => field != 0))
            {
                return (DriverError.EINVAL, fields);
            }

            var error = ForEachPage(fields[0], fields[1], out ulong done, (page, _) => rule(page));
            return (error, With(fields, fields.Length - 1, done));
        }
        );
    }

    private (DriverError Error, ulong[] After) Types(ulong[] fields)
    {
        bool isBad = !IsRange(fields[0], fields[1])
            || fields[2] is not (1 or 4)
            || fields[3] != 0
            || fields[4] != 0;
        if (isBad)
        {
            return (DriverError.EINVAL, fields);
        }

        var error = ForEachPage(fields[0], fields[1], out ulong done, (page, _) => Retype(page, (PageType)fields[2]));
        var after = With(fields, 4, done);
        bool isRefusedByLeaf = error == DriverError.EFAULT && pages.ContainsKey((int)((fields[0] + done) / PageSize));
        return (error, isRefusedByLeaf ? With(after, 3, (ulong)SgxError.PageNotModifiable) : after);
    }

    private (DriverError Error, ulong[] After) RemovePages(ulong[] fields)
    {
        if (!IsRange(fields[0], fields[1]) || fields[2] != 0)
        {
            return (DriverError.EINVAL, fields);
        }

        var error = ForEachPage(fields[0], fields[1], out ulong done, (page, _) =>
            pages.ContainsKey(page) ? DriverError.EPERM : DriverError.EFAULT);
        return (error, With(fields, 2, done));
    }

    private (DriverError Error, ulong[] After) AugmentPages(ulong[] fields)
    {
        if (!IsRange(fields[0], fields[1]))
        {
            return (DriverError.EINVAL, fields);
        }

        var error = ForEachPage(fields[0], fields[1], out ulong done, (page, _) =>
            pages.TryAdd(page, SecinfoFlags.Reg) ? DriverError.None : DriverError.EBUSY);
        return (error, With(fields, 2, done));
    }

    private DriverError RegularOnly(int page) =>
        !pages.TryGetValue(page, out var flags) ? DriverError.EFAULT
        : new Secinfo(flags).PageType == PageType.Reg ? DriverError.None
        : DriverError.EINVAL;

    private DriverError Retype(int page, PageType wanted)
    {
        if (!pages.TryGetValue(page, out var flags))
        {
            return DriverError.EFAULT;
        }

        var type = new Secinfo(flags).PageType;
        if (type != PageType.Reg && (type != PageType.Tcs || wanted != PageType.Trim))
        {
            return DriverError.EINVAL;
        }

        if (wanted == PageType.Tcs && page == EnclaveImage.CodePage)
        {
            return DriverError.EPERM;
        }

        if (!_unaccepted.Add(page))
        {
            return DriverError.EFAULT;
        }

        pages[page] = new Secinfo(wanted, SecinfoFlags.None).Flags;
        return DriverError.None;
    }
}
