using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor.Enclu;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Enclu;

/// <summary>A software enclave's keys and REPORTs are those that an enclave of its identity on the same machine has.</summary>
public class SoftwareEnclaveTests
{
    private readonly World world = new();
    private readonly TestEnclave enclave;

    public SoftwareEnclaveTests()
    {
        enclave = TestEnclave.Built(world);
        enclave.Enter();
    }

    private Report ReportFor(Targetinfo target)
    {
        Expect.Success(
            world.Enclu(EncluLeaf.Ereport, enclave.Place(target).Value, (enclave.DataAddress + 1024).Value, enclave.MoreDataAddress.Value));
        return MemoryMarshal.Read<Report>(world.Machine.Memory[enclave.MoreData]);
    }

    private static ReportBody Identity()
    {
        ReportBody identity = new()
        {
            Attributes = new Attributes(AttributeFlags.Init | AttributeFlags.Mode64Bit, 3),
            Isvprodid = 1,
            Isvsvn = 11,
        };
        identity.Mrenclave[0] = 7;
        return identity;
    }

    [Fact]
    public void It_verifies_what_EREPORT_made_for_it_and_nothing_else()
    {
        SoftwareEnclave software = new(world.Machine.Options, Identity());
        Report report = ReportFor(software.Targetinfo);
        Assert.True(software.Verify(report));
        Assert.False(new SoftwareEnclave(world.Machine.Options with { RootKey = Enumerable.Repeat((byte)1, 32).ToArray() },
            Identity()).Verify(report));
        Assert.False(new SoftwareEnclave(world.Machine.Options with { OwnerEpoch = new byte[16] }, Identity()).Verify(report));
        Assert.False(new SoftwareEnclave(world.Machine.Options with { Cpusvn = new byte[16] }, Identity()).Verify(report));
        for (int bit = 0; bit < Report.SizeInBytes * 8; bit++)
        {
            byte[] bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<Report>(in report)).ToArray();
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(software.Verify(MemoryMarshal.Read<Report>(bytes)), $"bit {bit}");
        }
    }

    [Fact]
    public void Its_report_has_the_mac_that_the_targets_report_key_makes()
    {
        ReportBody mine = ReportFor(default).Body;
        Targetinfo target = new SoftwareEnclave(world.Machine.Options, mine).Targetinfo;
        Report report = new SoftwareEnclave(world.Machine.Options, Identity()).Report(target, [1, 2, 3]);
        Assert.Equal(1, report.Body.Reportdata[0]);
        Assert.Equal(11, report.Body.Isvsvn);
        Assert.True(world.Machine.Cpusvn.SequenceEqual(report.Body.Cpusvn));

        Keyrequest request = new() { Keyname = KeyName.Report, Keyid = report.Keyid };
        Expect.Success(world.Enclu(EncluLeaf.Egetkey, enclave.Place(request).Value, enclave.MoreDataAddress.Value));
        Assert.True(Cloister.Processor.Keys.Cmac.Verify(world.Machine.Memory[enclave.MoreData][..16],
            MemoryMarshal.AsBytes(new ReadOnlySpan<ReportBody>(in report.Body)), report.Mac));
    }

    [Theory]
    [InlineData(KeyName.Seal)]
    [InlineData(KeyName.Report)]
    public void Its_keys_are_those_of_EGETKEY(KeyName name)
    {
        Keyrequest request = new()
        {
            Keyname = name,
            Keypolicy = Keypolicy.Mrsigner,
            Attributemask = new Attributes((AttributeFlags)ulong.MaxValue, ulong.MaxValue),
        };
        Expect.Success(world.Enclu(EncluLeaf.Egetkey, enclave.Place(request).Value, enclave.MoreDataAddress.Value));
        byte[] expected = world.Machine.Memory[enclave.MoreData][..16].ToArray(), key = new byte[16];
        SoftwareEnclave software = new(world.Machine.Options, ReportFor(default).Body);
        Assert.Equal(SgxError.Success, software.Key(request, key));
        Assert.Equal(expected, key);
    }

    [Fact]
    public void What_EGETKEY_refuses_it_is_refused()
    {
        SoftwareEnclave software = new(world.Machine.Options, Identity());
        Assert.Equal(SgxError.InvalidAttribute, software.Key(new Keyrequest { Keyname = KeyName.Provision }, new byte[16]));
        Assert.Equal(SgxError.InvalidIsvsvn, software.Key(new Keyrequest { Isvsvn = 12, Keyname = KeyName.Seal }, new byte[16]));
        Keyrequest future = new() { Keyname = KeyName.Seal };
        future.Cpusvn[15] = 1;
        Assert.Equal(SgxError.InvalidCpusvn, software.Key(future, new byte[16]));
    }
}
