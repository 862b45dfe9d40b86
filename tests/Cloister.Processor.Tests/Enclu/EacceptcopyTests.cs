using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Enclu;

/// <summary>SDM 3D, EACCEPTCOPY, in the order of its checks.</summary>
[TestsOf(typeof(Processor.Enclu.Eacceptcopy))]
public class EacceptcopyTests
{
    private const SecinfoFlags Executable = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.X;
    private readonly World world = new();
    private readonly TestEnclave enclave;

    public EacceptcopyTests()
    {
        enclave = TestEnclave.Built(world);
        enclave.Enter();
    }

    private LinearAddress Free => enclave.Base + TestEnclave.FreeOffset;

    private LeafResult Copy(SecinfoFlags flags = Executable, LinearAddress? to = null, LinearAddress? from = null,
        LinearAddress? secinfo = null)
        => world.Enclu(EncluLeaf.Eacceptcopy, (secinfo ?? enclave.Place(new Secinfo(flags))).Value, (to ?? Free).Value,
            (from ?? enclave.MoreDataAddress).Value);

    [Fact]
    public void It_is_not_offered_without_sgx2()
    {
        var other = new World(new MachineOptions { Sgx2 = false });
        TestEnclave plain = TestEnclave.Built(other);
        plain.Enter();
        other.Machine.Epcm.Entry(plain.MoreData).Pending = true;
        ulong secinfo = plain.Place(new Secinfo(Executable)).Value;
        Expect.GeneralProtection(other.Enclu(EncluLeaf.Eacceptcopy, secinfo, plain.MoreDataAddress.Value, plain.Base.Value));
    }

    [Fact]
    public void Operands_must_be_aligned_and_inside()
    {
        Expect.GeneralProtection(Copy(secinfo: enclave.DataAddress + 8));
        enclave.Augment(TestEnclave.FreeOffset);
        LinearAddress outside = enclave.Base + TestEnclave.Size;
        Expect.GeneralProtection(Copy(secinfo: enclave.DataAddress + 8));
        Expect.GeneralProtection(Copy(to: Free + 64));
        Expect.GeneralProtection(Copy(from: enclave.MoreDataAddress + 64));
        Expect.GeneralProtection(Copy(secinfo: outside));
        Expect.GeneralProtection(Copy(to: outside));
        Expect.GeneralProtection(Copy(from: outside));
    }

    [Fact]
    public void Operands_must_be_mapped_and_are_looked_at_in_order()
    {
        LinearAddress nowhere = enclave.Base + 0xa000;
        Expect.PageFault(nowhere, World.AbsentRead, Copy(secinfo: nowhere, from: nowhere));
        Expect.PageFault(Free, World.AbsentWrite, Copy(from: nowhere));
        enclave.Augment(TestEnclave.FreeOffset);
        Expect.PageFault(nowhere, World.AbsentRead, Copy(from: nowhere));
    }

    [Fact]
    public void The_secinfos_page_must_be_readable()
        => Expect.PageFault(enclave.SecondTcsAddress, World.EpcmRead, CopyToNew(secinfo: enclave.SecondTcsAddress));

    [Theory]
    [InlineData(Executable | (SecinfoFlags)0x40)]
    [InlineData(SecinfoFlags.Reg | SecinfoFlags.W)]
    [InlineData(SecinfoFlags.Tcs)]
    [InlineData(SecinfoFlags.Trim)]
    public void An_illegal_secinfo_is_refused(SecinfoFlags flags) => Expect.GeneralProtection(CopyToNew(flags));

    [Fact]
    public void A_source_that_cannot_be_read_faults()
    {
        enclave.Augment(TestEnclave.FreeOffset + 0x1000);
        Expect.PageFault(Free + 0x1000, World.EpcmRead, CopyToNew(from: Free + 0x1000));
        Expect.PageFault(enclave.SecondTcsAddress, World.EpcmRead, Copy(from: enclave.SecondTcsAddress));
        Expect.Success(Emodpr.Execute(world.Machine, enclave.MoreData, new Secinfo(SecinfoFlags.None)));
        Expect.PageFault(enclave.MoreDataAddress, World.EpcmRead, Copy());
    }

    [Fact]
    public void A_destination_that_is_not_a_new_page_is_told()
    {
        Expect.Error(SgxError.PageAttributesMismatch, Copy(to: enclave.MoreDataAddress));
        EpcPage page = enclave.Augment(TestEnclave.FreeOffset);
        world.Memory.Map(Free + 0x1000, page);
        Expect.Error(SgxError.PageAttributesMismatch, Copy(to: Free + 0x1000));
        EpcPage ofTwin = world.FreePage();
        Expect.Success(Eaug.Execute(world.Machine, Twin().Secs, Free, null, ofTwin));
        world.Memory.Map(Free, ofTwin);
        Expect.Error(SgxError.PageAttributesMismatch, Copy());
        world.Memory.Map(Free, page);
        EpcPage removed = world.FreePage();
        enclave.Exit();
        Expect.Success(Eaug.Execute(world.Machine, enclave.Secs, Free, null, removed));
        world.Memory.Map(Free, world.Removed(removed));
        enclave.Enter();
        Expect.Error(SgxError.PageAttributesMismatch, Copy());
        world.Memory.Map(Free, page);
        Expect.Success(Eblock.Execute(world.Machine, page));
        Expect.Error(SgxError.PageAttributesMismatch, Copy());
        Assert.Equal((19ul, Registers.ZeroFlag), (world.Processor.Registers.Rax, world.Processor.Registers.Rflags & Registers.ZeroFlag));
    }

    [Fact]
    public void The_new_page_has_the_content_and_the_permissions()
    {
        Random.Shared.NextBytes(world.Machine.Memory[enclave.MoreData]);
        EpcPage page = enclave.Augment(TestEnclave.FreeOffset);
        Expect.Success(Copy());
        Assert.Equal(world.Machine.Memory[enclave.MoreData].ToArray(), world.Machine.Memory[page].ToArray());
        Assert.Equal(Executable, world.Epcm(page).SecinfoFlags);
        Assert.Equal(0ul, world.Processor.Registers.Rax);
    }

    private LeafResult CopyToNew(SecinfoFlags flags = Executable, LinearAddress? secinfo = null, LinearAddress? from = null)
    {
        enclave.Augment(TestEnclave.FreeOffset);
        return Copy(flags, secinfo: secinfo, from: from);
    }

    /// <summary>An enclave at the same addresses, as another program may have one.</summary>
    private TestEnclave Twin()
    {
        var mapped = new List<(LinearAddress Address, EpcPage Page)>();
        for (ulong offset = 0; offset < TestEnclave.FreeOffset; offset += 0x1000)
        {
            mapped.Add((enclave.Base + offset, world.Memory.Walk(enclave.Base + offset, AccessKind.Read).Page));
        }

        TestEnclave twin = TestEnclave.Built(world);
        mapped.ForEach(pair => world.Memory.Map(pair.Address, pair.Page));
        return twin;
    }
}
