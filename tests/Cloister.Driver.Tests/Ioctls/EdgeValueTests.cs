using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Ioctls;
using Cloister.Driver.Tests.Harness;

namespace Cloister.Driver.Tests.Ioctls;

/// <summary>
/// Every pair of fields of every structure with every pair of edge values: the errno and the structure that comes back
/// are those the rules, written down here once more, call for; and nothing is lost or leaked.
/// </summary>
public class EdgeValueTests
{
    private const ulong PageSize = 4096;
    private const int SizeInPages = 64;
    private const ulong Size = SizeInPages * PageSize;

    private static readonly ulong[] Edges =
    [
        0, 1, 2, 3, 4, 5, 7, 8, 0x10, 0xff, 0x100, 0x104, PageSize - 1, PageSize, PageSize + 1, 2 * PageSize,
        Size - PageSize, Size, Size + PageSize, 1UL << 31, 1UL << 32, (1UL << 32) + 5, 1UL << 47, 1UL << 63,
        ulong.MaxValue - PageSize + 1, ulong.MaxValue,
    ];

    private readonly EnclaveImage _image = new() { Size = Size };
    private readonly Dictionary<int, PageType> _types = [];
    private readonly TestMachine _machine = new();
    private SgxEnclave _enclave = null!;

    [Fact]
    public void EveryWildArgumentIsEfaultAndChangesNothing()
    {
        foreach (var row in IoctlTable.Rows.Where(row => row.Structure is not null && row.Generation == Generation.V6_0))
        {
            Prepare(row.Name);
            ulong end = _machine.Program.Allocate(new byte[PageSize]) + PageSize;
            foreach (ulong argument in Edges.Append(end - (ulong)row.Size + 1))
            {
                int free = _machine.Statistics.EpcPagesFree;
                Assert.Equal(-(long)Errno.EFAULT, _machine.Ioctl(_enclave, row.Command, argument));
                Assert.Equal(free, _machine.Statistics.EpcPagesFree);
            }

            Finish();
        }
    }

    [Fact]
    public void Create()
    {
        Sweep("SGX_IOC_ENCLAVE_CREATE", [0], fields => (Errno.EFAULT, fields));
    }

    [Fact]
    public void Init()
    {
        Sweep("SGX_IOC_ENCLAVE_INIT", [0], fields => (Errno.EFAULT, fields));
    }

    [Fact]
    public void Provision()
    {
        _machine.Program.ProvisionFiles.Add(5);
        Sweep("SGX_IOC_ENCLAVE_PROVISION", [5], fields => ((uint)fields[0] == 5 ? Errno.None : Errno.EINVAL, fields));
    }

    [Fact]
    public void AddPages()
    {
        var secinfo = new Secinfo(SecinfoFlags.Reg | SecinfoFlags.R);
        ulong source = _machine.Program.Allocate(new byte[2 * PageSize]);
        ulong good = _machine.Program.Allocate(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref secinfo, 1)));
        Sweep("SGX_IOC_ENCLAVE_ADD_PAGES", [source, 16 * PageSize, PageSize, good, 1, 0], fields =>
        {
            if (fields[0] % PageSize != 0 || !IsRange(fields[1], fields[2]))
            {
                return (Errno.EINVAL, fields);
            }

            if (fields[3] != good)
            {
                return (Errno.EFAULT, fields);
            }

            var error = ForEachPage(fields[1], fields[2], out ulong done, (page, before) =>
            {
                if (_types.ContainsKey(page))
                {
                    return Errno.EBUSY;
                }

                ulong at = fields[0] + before;
                if (at != source && at != source + PageSize)
                {
                    return Errno.EFAULT;
                }

                _types[page] = PageType.Reg;
                return Errno.None;
            });
            return (error, With(fields, 5, done));
        });
    }

    [Fact]
    public void RestrictPermissions() =>
        Sweep("SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS", [EnclaveImage.HeapPage * PageSize, PageSize, 1, 0, 0], fields =>
        {
            bool isBad = !IsRange(fields[0], fields[1])
                || fields[2] > 7
                || (fields[2] & 3) == 2
                || fields[3] != 0
                || fields[4] != 0;
            if (isBad)
            {
                return (Errno.EINVAL, fields);
            }

            var error = ForEachPage(fields[0], fields[1], out ulong done, (page, _) =>
                !_types.TryGetValue(page, out var type) ? Errno.EFAULT
                : type != PageType.Reg ? Errno.EINVAL
                : Errno.None);
            return (error, With(fields, 4, done));
        });

    [Fact]
    public void ModifyTypes() =>
        Sweep("SGX_IOC_ENCLAVE_MODIFY_TYPES", [EnclaveImage.HeapPage * PageSize, PageSize, 4, 0, 0], fields =>
        {
            bool isBad = !IsRange(fields[0], fields[1])
                || fields[2] is not (1 or 4)
                || fields[3] != 0
                || fields[4] != 0;
            if (isBad)
            {
                return (Errno.EINVAL, fields);
            }

            var error = ForEachPage(fields[0], fields[1], out ulong done, (page, _) =>
            {
                if (!_types.TryGetValue(page, out var type))
                {
                    return Errno.EFAULT;
                }

                var wanted = (PageType)fields[2];
                if (type != PageType.Reg && (type != PageType.Tcs || wanted != PageType.Trim))
                {
                    return Errno.EINVAL;
                }

                if (wanted == PageType.Tcs && page == EnclaveImage.CodePage)
                {
                    return Errno.EPERM;
                }

                if (_unaccepted.Contains(page))
                {
                    return Errno.EFAULT;
                }

                _types[page] = wanted;
                _unaccepted.Add(page);
                return Errno.None;
            });
            var after = With(fields, 4, done);
            bool isRefusedByLeaf = error == Errno.EFAULT && _types.ContainsKey((int)((fields[0] + done) / PageSize));
            return (error, isRefusedByLeaf ? With(after, 3, (ulong)SgxError.PageNotModifiable) : after);
        });

    [Fact]
    public void RemovePages() =>
        Sweep("SGX_IOC_ENCLAVE_REMOVE_PAGES", [EnclaveImage.HeapPage * PageSize, PageSize, 0], fields =>
        {
            if (!IsRange(fields[0], fields[1]) || fields[2] != 0)
            {
                return (Errno.EINVAL, fields);
            }

            var error = ForEachPage(fields[0], fields[1], out ulong done, (page, _) =>
                _types.ContainsKey(page) ? Errno.EPERM : Errno.EFAULT);
            return (error, With(fields, 2, done));
        });

    private readonly HashSet<int> _unaccepted = [];

    private static bool IsRange(ulong offset, ulong length) =>
        offset % PageSize == 0
        && length % PageSize == 0
        && length != 0
        && (UInt128)offset + length <= Size;

    private static Errno ForEachPage(ulong offset, ulong length, out ulong done, Func<int, ulong, Errno> rule)
    {
        for (done = 0; done < length; done += PageSize)
        {
            var error = rule((int)((offset + done) / PageSize), done);
            if (error != Errno.None)
            {
                return error;
            }
        }

        return Errno.None;
    }

    private static ulong[] With(ulong[] fields, int index, ulong value)
    {
        var copy = fields.ToArray();
        copy[index] = value;
        return copy;
    }

    private void Prepare(string name)
    {
        _types.Clear();
        _unaccepted.Clear();
        bool isEarly = name is "SGX_IOC_ENCLAVE_CREATE" or "SGX_IOC_ENCLAVE_PROVISION";
        bool isBuilding = name is "SGX_IOC_ENCLAVE_ADD_PAGES" or "SGX_IOC_ENCLAVE_INIT";
        _enclave = isEarly ? _machine.Open() : isBuilding ? _machine.Create(_image) : _machine.Build(_image);
        if (!isEarly && !isBuilding)
        {
            foreach (var (page, flags, _) in _image.Pages())
            {
                _types[page] = new Secinfo(flags).PageType;
            }
        }
    }

    private void Finish()
    {
        _machine.AssertInvariants();
        _machine.Driver.Release(_enclave);
        _machine.Program.Forget(_enclave);
        _machine.AssertAllFree();
    }

    private void Sweep(string name, ulong[] good, Func<ulong[], (Errno Error, ulong[] After)> rule)
    {
        uint command = IoctlTable.Rows.Single(row => row.Name == name && row.Generation == _machine.Driver.Options.Generation).Command;
        Prepare(name);
        for (int i = 0; i < good.Length; i++)
        {
            for (int j = i; j < good.Length; j++)
            {
                foreach (ulong first in Edges)
                {
                    foreach (ulong second in i == j ? [first] : Edges)
                    {
                        Try(name, command, With(With(good, i, first), j, second), rule);
                    }
                }
            }
        }

        Finish();
    }

    private void Try(string name, uint command, ulong[] fields, Func<ulong[], (Errno Error, ulong[] After)> rule)
    {
        string call = $"{name}({string.Join(", ", fields.Select(field => $"0x{field:x}"))})";
        byte[] bytes = new byte[fields.Length * 8];
        for (int i = 0; i < fields.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * 8), fields[i]);
        }

        ulong argument = _machine.Program.Allocate(bytes);
        var (error, after) = rule(fields);
        long result = _machine.Ioctl(_enclave, command, argument, pageBudget: 5);
        Assert.True(-(long)error == result, $"{call} gave {(Errno)(-result)} and not {error}");
        Assert.True(_machine.Program.CopyFromUser(argument, bytes));
        for (int i = 0; i < fields.Length; i++)
        {
            ulong field = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(i * 8));
            Assert.True(after[i] == field, $"{call}: field {i} came back as 0x{field:x} and not 0x{after[i]:x}");
        }

        _machine.Program.Unmap(argument);
        Assert.Equal(
            _enclave.PageCount + (_enclave.IsCreated ? 2 : 0),
            _machine.Statistics.EpcPagesTotal - _machine.Statistics.EpcPagesFree);
    }
}
