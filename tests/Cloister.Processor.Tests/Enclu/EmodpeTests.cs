using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests.Enclu;

/// <summary>SDM 3D, EMODPE, in the order of its checks.</summary>
[TestsOf(typeof(Processor.Enclu.Emodpe))]
public class EmodpeTests
{
    private readonly World world = new();
    private readonly TestEnclave enclave;

    public EmodpeTests()
    {
        enclave = TestEnclave.Built(world);
        enclave.Enter();
    }

    private LeafResult Extend(SecinfoFlags flags, LinearAddress? address = null, LinearAddress? secinfo = null)
        => world.Enclu(EncluLeaf.Emodpe, (secinfo ?? enclave.Place(new Secinfo(flags))).Value, (address ?? enclave.MoreDataAddress).Value);

    [Fact]
    public void It_is_not_offered_without_sgx2()
    {
        var other = new World(new MachineOptions { Sgx2 = false });
        TestEnclave plain = TestEnclave.Built(other);
        plain.Enter();
        ulong secinfo = plain.Place(new Secinfo(SecinfoFlags.X)).Value;
        Expect.GeneralProtection(other.Enclu(EncluLeaf.Emodpe, secinfo, plain.MoreDataAddress.Value));
    }

    [Fact]
    public void Operands_must_be_aligned_and_inside()
    {
        Expect.GeneralProtection(Extend(SecinfoFlags.X, enclave.Base + 0xa000, enclave.DataAddress + 8));
        Expect.GeneralProtection(Extend(SecinfoFlags.X, secinfo: enclave.DataAddress + 8));
        Expect.GeneralProtection(Extend(SecinfoFlags.X, enclave.MoreDataAddress + 64));
        Expect.GeneralProtection(Extend(SecinfoFlags.X, secinfo: enclave.Base - 64));
        Expect.GeneralProtection(Extend(SecinfoFlags.X, enclave.Base + TestEnclave.Size));
    }

    [Fact]
    public void Operands_must_be_mapped_and_are_looked_at_in_order()
    {
        LinearAddress nowhere = enclave.Base + 0xa000;
        Expect.PageFault(nowhere, World.AbsentRead, Extend(SecinfoFlags.X, nowhere + 0x1000, nowhere));
        Expect.PageFault(nowhere, World.AbsentRead, Extend(SecinfoFlags.X, nowhere));
    }

    [Fact]
    public void The_secinfos_page_must_be_readable()
        => Expect.PageFault(enclave.SecondTcsAddress, World.EpcmRead, Extend(SecinfoFlags.X, secinfo: enclave.SecondTcsAddress));

    [Fact]
    public void Reserved_fields_are_refused() => Expect.GeneralProtection(Extend(SecinfoFlags.X | (SecinfoFlags)0x80));

    [Fact]
    public void A_page_that_is_not_an_accepted_regular_page_of_this_enclave_faults()
    {
        Expect.PageFault(enclave.SecondTcsAddress, World.EpcmRead, Extend(SecinfoFlags.R, enclave.SecondTcsAddress));
        LinearAddress free = enclave.Base + TestEnclave.FreeOffset;
        EpcPage page = enclave.Augment(TestEnclave.FreeOffset);
        Expect.PageFault(free, World.EpcmRead, Extend(SecinfoFlags.X, free));
        world.Memory.Map(free, enclave.MoreData);
        Expect.PageFault(free, World.EpcmRead, Extend(SecinfoFlags.X, free));
        world.Memory.Map(free, new EpcPage(63));
        Expect.PageFault(free, World.EpcmRead, Extend(SecinfoFlags.X, free));
        enclave.Exit();
        EpcPage removed = world.Memory.Walk(enclave.Base + 0x7000, AccessKind.Read).Page;
        world.Removed(removed);
        enclave.Enter();
        Expect.PageFault(enclave.Base + 0x7000, World.EpcmRead, Extend(SecinfoFlags.X, enclave.Base + 0x7000));
        world.Memory.Map(enclave.MoreDataAddress, Twin().MoreData);
        Expect.PageFault(enclave.MoreDataAddress, World.EpcmRead, Extend(SecinfoFlags.X));
        world.Memory.Map(enclave.MoreDataAddress, enclave.MoreData);
        Expect.Success(Eblock.Execute(world.Machine, enclave.MoreData));
        Expect.PageFault(enclave.MoreDataAddress, World.EpcmRead, Extend(SecinfoFlags.X));
        Assert.True(world.Epcm(page).Pending);
    }

    [Fact]
    public void Writable_without_readable_is_refused()
    {
        Expect.Success(Emodpr.Execute(world.Machine, enclave.MoreData, new Secinfo(SecinfoFlags.None)));
        Expect.GeneralProtection(Extend(SecinfoFlags.W));
        Expect.Success(Extend(SecinfoFlags.R | SecinfoFlags.W));
    }

    [Fact]
    public void Permissions_only_grow_and_registers_stay()
    {
        world.Processor.Registers.Rip = 0x100;
        ulong flags = world.Processor.Registers.Rflags |= Registers.ZeroFlag;
        Expect.Success(Extend(SecinfoFlags.X));
        Assert.Equal(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.X, world.Epcm(enclave.MoreData).SecinfoFlags);
        Assert.Equal((6ul, 0x103ul, flags),
            (world.Processor.Registers.Rax, world.Processor.Registers.Rip, world.Processor.Registers.Rflags));
    }

    [Fact]
    public void A_restricted_page_stays_restricted_until_it_is_accepted()
    {
        Expect.Success(Emodpr.Execute(world.Machine, enclave.MoreData, new Secinfo(SecinfoFlags.R)));
        Expect.Success(Extend(SecinfoFlags.R | SecinfoFlags.W));
        Assert.True(world.Epcm(enclave.MoreData) is { Pr: true, W: true });
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
