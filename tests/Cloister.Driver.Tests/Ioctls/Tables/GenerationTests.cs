using Cloister.Architecture;
using Cloister.Driver.Ioctls.Tables;
using Cloister.Driver.Tests.Harness;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Ioctls.Tables;

public class GenerationTests
{
    private const Protection ReadWrite = Protection.Read | Protection.Write;

    private readonly EnclaveImage _image = new();

    // Recomputed from the patches: name, number, size, direction.
    [Theory]
    [InlineData("isgx", "CREATE 4008a400, ADD_PAGE 401aa401, INIT 4018a402, EMODPR 4018a409, MKTCS 4010a40a, TRIM 4010a40b, "
        + "NOTIFY_ACCEPT 4010a40c, REMOVE 4008a40d")]
    [InlineData("v16",
        "CREATE 4008a400, ADD_PAGE 401aa401, INIT 4010a402, REMOVE_PAGES 4010a403, MODIFY_PAGES 4019a404, CREATE_BACKED 4010a400, CREATE_SEPARATELY_BACKED 4018a400")]
    [InlineData("rfc-enclu", "ENCLU_REGISTER 4010a400, CREATE 4008a401, ADD_PAGE 401aa402, INIT 4010a403, REMOVE_PAGES 4010a404, "
        + "MODIFY_PAGES 4019a405")]
    [InlineData("v5.11", "CREATE 4008a400, ADD_PAGES c030a401, INIT 4008a402, PROVISION 4008a403")]
    [InlineData("edmm-v1", "CREATE 4008a400, ADD_PAGES c030a401, INIT 4008a402, PROVISION 4008a403, REMOVE_ALL 0000a404, "
        + "MODP c028a405, MODT c028a406, REMOVE c018a407")]
    [InlineData("edmm-v2", "CREATE 4008a400, ADD_PAGES c030a401, INIT 4008a402, PROVISION 4008a403, REMOVE_ALL 0000a404, "
        + "RELAX_PERMISSIONS c020a405, RESTRICT_PERMISSIONS c028a406, MODIFY_TYPE c028a407, REMOVE_PAGES c018a408")]
    [InlineData("edmm-augment", "CREATE 4008a400, ADD_PAGES c030a401, INIT 4008a402, PROVISION 4008a403, REMOVE_ALL 0000a404, "
        + "RESTRICT_PERMISSIONS c028a405, MODIFY_TYPE c028a406, REMOVE_PAGES c018a408, AUGMENT_PAGES c018a409")]
    [InlineData("edmm-v3", "CREATE 4008a400, ADD_PAGES c030a401, INIT 4008a402, PROVISION 4008a403, REMOVE_ALL 0000a404, "
        + "RESTRICT_PERMISSIONS c028a405, MODIFY_TYPE c028a406, REMOVE_PAGES c018a407")]
    [InlineData("v6.0", "CREATE 4008a400, ADD_PAGES c030a401, INIT 4008a402, PROVISION 4008a403, REMOVE_ALL 0000a404, "
        + "RESTRICT_PERMISSIONS c028a405, MODIFY_TYPES c028a406, REMOVE_PAGES c018a407")]
    public void EachGenerationHasItsCommands(string generation, string commands)
    {
        var rows = IoctlTable.Rows.Where(row => row.Generation.Name() == generation);
        Assert.Equal(commands, string.Join(", ", rows.Select(row => $"{ShortName(row.Name)} {row.Command:x8}")));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_number_of_another_generation_is_ENOTTY_and_never_a_guess(Generation generation)
    {
        var machine = TestMachine.Of(generation);
        var enclave = machine.Open();
        uint[] known = [.. IoctlTable.Rows.Where(row => row.Generation == generation).Select(row => row.Command)];
        foreach (uint command in IoctlTable.Rows.Select(row => row.Command).Except(known))
        {
            Assert.Equal(-(long)DriverError.ENOTTY, machine.Ioctl(enclave, command, 0));
        }
    }

    [Theory]
    [MemberData(nameof(ByFile))]
    public void Every_generation_builds_and_runs_an_enclave(Generation generation)
    {
        var machine = TestMachine.Of(generation, epcPages: 24);
        var image = _image with { HeapPages = 60 };
        var enclave = machine.Build(image);
        var thread = machine.StartThread();
        thread.Enter(image.Tcs);
        for (int page = 0; page < 60; page++)
        {
            Span<byte> read = [0];
            Assert.True(thread.Read(image.At(EnclaveImage.HeapPage + page), read));
            Assert.Equal(page, read[0]);
        }

        thread.Exit();
        machine.AssertInvariants();
        machine.Driver.Release(enclave);
        machine.AssertAllFree();
    }

    [Theory]
    [InlineData(Generation.V5_11, null)]
    [InlineData(Generation.EdmmV1, ReadWrite)]
    [InlineData(Generation.EdmmV2, ReadWrite)]
    [InlineData(Generation.EdmmAugment, ReadWrite | Protection.Execute)]
    [InlineData(Generation.EdmmV3, ReadWrite | Protection.Execute)]
    [InlineData(Generation.V6_0, ReadWrite | Protection.Execute)]
    public void A_page_added_by_a_fault_may_have_what_the_generation_allows(Generation generation, Protection? maximum)
    {
        var machine = TestMachine.Of(generation);
        var enclave = machine.Build(_image);
        var page = _image.At(100);
        Assert.Equal(maximum is null ? VmFault.Sigbus : VmFault.NoPage, machine.Program.Fault(page, AccessKind.Write));
        if (maximum is { } allowed)
        {
            Assert.Equal(0, machine.Driver.MayMap(enclave, page, page + 4096, allowed));
            bool mayExecute = allowed.HasFlag(Protection.Execute);
            Assert.Equal(mayExecute ? 0 : -(int)DriverError.EACCES, machine.Driver.MayMap(enclave, page, page + 4096, Protection.Execute));
        }

        machine.AssertInvariants();
    }

    [Theory]
    [InlineData(Generation.V5_11, 0)]
    [InlineData(Generation.EdmmV1, -(int)DriverError.EACCES)]
    [InlineData(Generation.V6_0, -(int)DriverError.EACCES)]
    public void Outside_its_range_an_initialised_enclave_was_mappable_at_first(Generation generation, int result)
    {
        var machine = TestMachine.Of(generation);
        var enclave = machine.Build(_image);
        Assert.Equal(result, machine.Driver.MayMap(enclave, _image.At(1024), _image.At(1025), Protection.Read));
    }

    [Theory]
    [InlineData(Generation.V5_11, VmFault.Sigbus)]
    [InlineData(Generation.EdmmV2, VmFault.NoPage)]
    [InlineData(Generation.EdmmAugment, VmFault.NoPage)]
    [InlineData(Generation.EdmmV3, VmFault.Sigbus)]
    public void A_mapping_with_more_than_the_page_is_refused_or_cut_down(Generation generation, VmFault result)
    {
        var machine = TestMachine.Of(generation);
        var enclave = machine.Create(_image);
        Assert.Equal(0, machine.Program.Map(enclave, _image.At(0), _image.Size, ReadWrite));
        Assert.Equal(0, machine.AddPages(enclave, 5, SecinfoFlags.Reg | SecinfoFlags.R, new byte[4096]));
        Assert.Equal(result, machine.Program.Fault(_image.At(5), AccessKind.Write));
        if (result == VmFault.NoPage)
        {
            Assert.False(machine.Program.IsWritable(_image.At(5)));
            Assert.Equal(VmFault.Sigbus, machine.Driver.WriteFault(enclave, _image.At(5)));
        }
    }

    [Theory]
    [InlineData(Generation.V5_11, DriverError.EACCES)]
    [InlineData(Generation.EdmmV3, DriverError.EACCES)]
    [InlineData(Generation.V6_0, DriverError.EPERM)]
    public void The_AEX_notify_attribute_came_with_linux6(Generation generation, DriverError errno)
    {
        // Allowed by the driver, it is the signature that fails.
        var machine = TestMachine.Of(generation);
        var image = _image with { Attributes = AttributeFlags.Mode64Bit | AttributeFlags.AexNotify };
        var enclave = machine.Create(image);
        Assert.Equal(-(long)errno, machine.Initialize(enclave, _image.Sigstruct()));
    }

    [Fact]
    public void Names_are_parsed_back() =>
        Assert.All(Enum.GetValues<Generation>(), generation => Assert.Equal(generation, GenerationNames.Parse(generation.Name())));

    [Fact]
    public void A_strange_name_is_no_generation() => Assert.Null(GenerationNames.Parse("v4"));

    /// <summary>The generations where an enclave is its file's.</summary>
    public static TheoryData<Generation> ByFile => [.. Enum.GetValues<Generation>().Where(value => value >= Generation.V5_11)];

    public static TheoryData<Generation> All => [.. Enum.GetValues<Generation>()];

    private static string ShortName(string name) =>
        name.Replace("SGX_IOC_", "", StringComparison.Ordinal)
            .Replace("ENCLAVE_", "", StringComparison.Ordinal)
            .Replace("PAGE_", "", StringComparison.Ordinal)
            .Replace("VEPC_", "", StringComparison.Ordinal);
}
