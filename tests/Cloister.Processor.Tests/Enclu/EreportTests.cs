using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor.Keys;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Enclu;

/// <summary>SDM 3D, EREPORT, in the order of its checks, and local attestation between two enclaves.</summary>
[TestsOf(typeof(Processor.Enclu.Ereport))]
public class EreportTests
{
    private readonly World world = new();
    private readonly TestEnclave enclave;

    public EreportTests()
    {
        enclave = TestEnclave.Built(world);
        enclave.Enter();
    }

    private static Targetinfo Target(World world, TestEnclave of)
    {
        ref Secs secs = ref world.Machine.SecsOf(of.Secs);
        return new Targetinfo { Measurement = secs.Mrenclave, Attributes = secs.Attributes, Miscselect = secs.Miscselect };
    }

    private LeafResult Make(Targetinfo target, ulong? reportdata = null, ulong? output = null)
        => world.Enclu(EncluLeaf.Ereport, enclave.Place(target).Value, reportdata ?? (enclave.DataAddress + 1024).Value, output
            ?? enclave.MoreDataAddress.Value);

    [Fact]
    public void Targetinfo_must_be_aligned_inside_readable_and_its_reserved_fields_zero()
    {
        ulong data = (enclave.DataAddress + 1024).Value;
        ulong output = enclave.MoreDataAddress.Value;
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Ereport, enclave.DataAddress.Value + 256, data, output));
        Expect.GeneralProtection(world.Enclu(EncluLeaf.Ereport, enclave.Base.Value - 512, data, output));
        Expect.PageFault(enclave.SecondTcsAddress, World.EpcmRead,
            world.Enclu(EncluLeaf.Ereport, enclave.SecondTcsAddress.Value, data, output));
        Expect.GeneralProtection(Make(new Targetinfo { Reserved1 = 1 }));
        Expect.GeneralProtection(Make(new Targetinfo { Reserved2 = 1 }));
        Expect.GeneralProtection(Make(new Targetinfo { CetAttributes = 1 }));
        Targetinfo target = default;
        target.Reserved3[383] = 1;
        Expect.GeneralProtection(Make(target));
    }

    [Fact]
    public void Reportdata_must_be_aligned_inside_and_readable()
    {
        Expect.GeneralProtection(Make(default, enclave.DataAddress.Value + 64));
        Expect.GeneralProtection(Make(default, enclave.Base.Value + TestEnclave.Size));
        Expect.PageFault(enclave.SecondTcsAddress, World.EpcmRead, Make(default, enclave.SecondTcsAddress.Value));
    }

    [Fact]
    public void Output_must_be_aligned_inside_and_writable()
    {
        Expect.GeneralProtection(Make(default, output: enclave.MoreDataAddress.Value + 256));
        Expect.GeneralProtection(Make(default, output: enclave.Base.Value + TestEnclave.Size));
        Expect.PageFault(enclave.Base, World.EpcmWrite, Make(default, output: enclave.Base.Value));
        Expect.PageFault(enclave.Base + 0xa000, World.AbsentWrite, Make(default, output: enclave.Base.Value + 0xa000));
    }

    [Fact]
    public void The_report_says_what_the_enclave_is_and_the_registers_stay()
    {
        world.Machine.Memory[enclave.Data].Slice(1024, 64).Fill(0x77);
        world.Processor.Registers.Rip = 0x100;
        Expect.Success(Make(default));
        Assert.Equal((0x103ul, 0ul), (world.Processor.Registers.Rip, world.Processor.Registers.Rax));
        Report report = MemoryMarshal.Read<Report>(world.Machine.Memory[enclave.MoreData]);
        ref Secs secs = ref world.Machine.SecsOf(enclave.Secs);
        Assert.Equal(((ReadOnlySpan<byte>)secs.Mrenclave).ToArray(), ((ReadOnlySpan<byte>)report.Body.Mrenclave).ToArray());
        Assert.Equal(TestSigner.Mrsigner, ((ReadOnlySpan<byte>)report.Body.Mrsigner).ToArray());
        Assert.Equal((secs.Attributes, secs.Miscselect, 7, 3),
            (report.Body.Attributes, report.Body.Miscselect, report.Body.Isvprodid, report.Body.Isvsvn));
        Assert.Equal(world.Machine.Keys.ReportKeyid, ((ReadOnlySpan<byte>)report.Keyid).ToArray());
        Assert.Equal(world.Machine.Cpusvn.ToArray(), ((ReadOnlySpan<byte>)report.Body.Cpusvn).ToArray());
        Assert.Equal(-1, ((ReadOnlySpan<byte>)report.Body.Reportdata).IndexOfAnyExcept((byte)0x77));
    }

    [Fact]
    public void The_target_can_verify_it_and_nobody_else_can()
    {
        TestEnclave target = TestEnclave.Built(world, secs => secs with { SsaFrameSize = 2 }, origin: TestEnclave.DefaultBase + 0x100000);
        TestEnclave third =
            TestEnclave.Built(world, changeTcs: tcs => tcs with { Oentry = 0x20 }, origin: TestEnclave.DefaultBase + 0x200000);
        Expect.Success(Make(Target(world, target)));
        Report report = MemoryMarshal.Read<Report>(world.Machine.Memory[enclave.MoreData]);
        Assert.True(Verifies(world, target, report));
        Assert.False(Verifies(world, third, report));
        Report changed = report;
        changed.Body.Reportdata[0] ^= 1;
        Assert.False(Verifies(world, target, changed));
    }

    [Fact]
    public void Another_machine_cannot_verify_it()
    {
        TestEnclave target = TestEnclave.Built(world, origin: TestEnclave.DefaultBase + 0x100000);
        Expect.Success(Make(Target(world, target)));
        Report report = MemoryMarshal.Read<Report>(world.Machine.Memory[enclave.MoreData]);
        Assert.True(Verifies(world, target, report));
        var other = new World(new MachineOptions());
        Assert.False(Verifies(other, TestEnclave.Built(other), report));
    }

    /// <summary>What a target does: EGETKEY for REPORT_KEY with the report's KEYID, then CMAC.</summary>
    private static bool Verifies(World world, TestEnclave target, Report report)
    {
        var processor = new LogicalProcessor();
        target.Enter(processor);
        ulong request = target.Place(new Keyrequest { Keyname = KeyName.Report, Keyid = report.Keyid }).Value;
        Expect.Success(world.Enclu(EncluLeaf.Egetkey, request, target.MoreDataAddress.Value, 0, processor));
        byte[] key = world.Machine.Memory[target.MoreData][..16].ToArray();
        target.Exit(processor);
        return Cmac.Verify(key, MemoryMarshal.AsBytes(new ReadOnlySpan<Report>(in report))[..ReportBody.SizeInBytes], report.Mac);
    }
}
