using Cloister.Driver.Ioctls;
using Cloister.Driver.Ioctls.Tables;
using Cloister.Driver.Tests.Harness;

namespace Cloister.Driver.Tests.Ioctls.Tables;

public class IoctlTableTests
{
    [Fact]
    public void Every_row_has_a_class_a_citation_and_a_test_class()
    {
        var tests = typeof(IoctlTableTests).Assembly.GetTypes().Select(type => type.Name).ToHashSet();
        Assert.NotEmpty(IoctlTable.Rows);
        foreach (var row in IoctlTable.Rows)
        {
            Assert.True(row.Class.IsAssignableTo(typeof(IoctlOperation)), row.Name);
            Assert.False(row.Class.IsAbstract, row.Name);
            Assert.False(string.IsNullOrWhiteSpace(row.Citation), row.Name);
            Assert.Contains(row.Class.Name + "Tests", tests);
        }
    }

    [Fact]
    public void Every_ioctl_class_is_in_a_row()
    {
        var inRows = IoctlTable.Rows.Select(row => row.Class).ToHashSet();
        var classes = typeof(IoctlOperation).Assembly.GetTypes()
            .Where(type => type.IsAssignableTo(typeof(IoctlOperation)) && !type.IsAbstract && type != typeof(CompletedIoctl));
        Assert.All(classes, type => Assert.Contains(type, inRows));
    }

    [Fact]
    public void No_command_is_twice_in_a_generation()
    {
        var duplicates = IoctlTable.Rows.GroupBy(row => (row.Generation, row.Device, row.Command)).Where(group => group.Count() > 1);
        Assert.Empty(duplicates);
    }

    [Fact]
    public void Every_generation_has_rows_and_a_name() =>
        Assert.All(Enum.GetValues<Generation>(), generation =>
        {
            Assert.NotEmpty(generation.Name());
            Assert.Contains(IoctlTable.Rows, row => row.Generation == generation);
        });

    [Fact]
    public void The_rendered_table_has_every_row()
    {
        string text = IoctlTable.RenderMarkdown();
        Assert.Equal(IoctlTable.Rows.Count + 2, text.TrimEnd('\n').Split('\n').Length);
        Assert.All(IoctlTable.Rows, row => Assert.Contains($"| {row.Name} | {row.Number} | ", text, StringComparison.Ordinal));
    }

    [Fact]
    public void A_strange_command_is_ENOTTY()
    {
        var machine = new TestMachine();
        var enclave = machine.Open();
        uint create = TestMachine.Command("ENCLAVE_CREATE");
        foreach (uint command in new[] { 0u, create + 1, create ^ (1u << 30), create ^ (1u << 16), uint.MaxValue,
            TestMachine.Command("VEPC_REMOVE_ALL") })
        {
            if (IoctlTable.Find(Generation.V6_0, IoctlDevice.Enclave, command) is null)
            {
                Assert.Equal(-(long)DriverError.ENOTTY, machine.Ioctl(enclave, command, 0));
            }
        }
    }
}
