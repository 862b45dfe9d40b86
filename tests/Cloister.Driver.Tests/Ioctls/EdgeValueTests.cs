using System.Buffers.Binary;
using Cloister.Architecture;
using Cloister.Driver.Ioctls;
using Cloister.Driver.Ioctls.Tables;
using Cloister.Driver.Tests.Harness;

namespace Cloister.Driver.Tests.Ioctls;

/// <summary>
/// Every pair of fields of every structure of every generation with every pair of edge values: the errno and the
/// structure that comes back are those the rules, written down once more in <see cref="EdgeValueRules"/>, call for; and
/// nothing is lost or leaked.
/// </summary>
public class EdgeValueTests
{
    private const ulong PageSize = EdgeValueRules.PageSize;
    private const ulong Size = EdgeValueRules.Size;

    private static readonly ulong[] Edges =
    [
        0, 1, 2, 3, 4, 5, 7, 8, 0x10, 0xff, 0x100, 0x104, PageSize - 1, PageSize, PageSize + 1, 2 * PageSize,
        Size - PageSize, Size, Size + PageSize, 1UL << 31, 1UL << 32, (1UL << 32) + 5, 1UL << 47, 1UL << 63,
        ulong.MaxValue - PageSize + 1, ulong.MaxValue,
    ];

    private readonly EnclaveImage _image = new() { Size = Size };

    public static TheoryData<Generation, string> RowsWithAStructure
    {
        get
        {
            var data = new TheoryData<Generation, string>();
            foreach (var row in IoctlTable.Rows.Where(row => row.Structure is not null && row.Generation >= Generation.V5_11))
            {
                data.Add(row.Generation, row.Name);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(RowsWithAStructure))]
    public void A_wild_argument_is_EFAULT_and_changes_nothing(Generation generation, string name)
    {
        var row = Find(generation, name);
        var machine = TestMachine.Of(generation);
        var enclave = Prepare(machine, row, out _);
        ulong end = machine.Program.Allocate(new byte[PageSize]) + PageSize;
        foreach (ulong argument in Edges.Append(end - (ulong)row.Size + 1))
        {
            int free = machine.Statistics.EpcPagesFree;
            Assert.Equal(-(long)DriverError.EFAULT, machine.Ioctl(enclave, row.Command, argument));
            Assert.Equal(free, machine.Statistics.EpcPagesFree);
        }

        Finish(machine, enclave);
    }

    [Theory]
    [MemberData(nameof(RowsWithAStructure))]
    public void Every_pair_of_edge_values_gets_the_errno_of_the_rules(Generation generation, string name)
    {
        var row = Find(generation, name);
        var machine = TestMachine.Of(generation);
        var enclave = Prepare(machine, row, out var types);
        var (good, rule) = new EdgeValueRules(machine, types).Of(row);
        Assert.Equal(row.Size, good.Length * 8);
        for (int i = 0; i < good.Length; i++)
        {
            for (int j = i; j < good.Length; j++)
            {
                foreach (ulong first in Edges)
                {
                    foreach (ulong second in i == j ? [first] : Edges)
                    {
                        ulong[] fields = [.. good];
                        (fields[i], fields[j]) = (first, second);
                        Try(machine, enclave, row, fields, rule);
                    }
                }
            }
        }

        Finish(machine, enclave);
    }

    private static IoctlRow Find(Generation generation, string name) =>
        IoctlTable.Rows.Single(row => row.Generation == generation && row.Name == name);

    private static void Try(TestMachine machine, SgxEnclave enclave, IoctlRow row, ulong[] fields, EdgeValueRule rule)
    {
        string call = $"{row.Name}({string.Join(", ", fields.Select(field => $"0x{field:x}"))})";
        byte[] bytes = new byte[fields.Length * 8];
        for (int i = 0; i < fields.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * 8), fields[i]);
        }

        ulong argument = machine.Program.Allocate(bytes);
        var (error, after) = rule(fields);
        long result = machine.Ioctl(enclave, row.Command, argument, pageBudget: 5);
        Assert.True(-(long)error == result, $"{call} gave {(DriverError)(-result)} and not {error}");
        Assert.True(machine.Program.CopyFromUser(argument, bytes));
        for (int i = 0; i < fields.Length; i++)
        {
            ulong field = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(i * 8));
            Assert.True(after[i] == field, $"{call}: field {i} came back as 0x{field:x} and not 0x{after[i]:x}");
        }

        machine.Program.Unmap(argument);
        Assert.Equal(
            enclave.PageCount + (enclave.IsCreated ? 2 : 0),
            machine.Statistics.EpcPagesTotal - machine.Statistics.EpcPagesFree);
    }

    private static void Finish(TestMachine machine, SgxEnclave enclave)
    {
        machine.AssertInvariants();
        machine.Driver.Release(enclave);
        machine.AssertAllFree();
    }

    // An enclave at the point of its life that the ioctl is for.
    private SgxEnclave Prepare(TestMachine machine, IoctlRow row, out Dictionary<int, SecinfoFlags> pages)
    {
        pages = [];
        if (row.Class == typeof(EnclaveCreate) || row.Class == typeof(EnclaveProvision))
        {
            return machine.Open();
        }

        if (row.Class == typeof(EnclaveAddPages) || row.Class == typeof(EnclaveInit))
        {
            return machine.Create(_image);
        }

        foreach (var (page, flags, _) in _image.Pages())
        {
            pages[page] = flags;
        }

        return machine.Build(_image);
    }
}
