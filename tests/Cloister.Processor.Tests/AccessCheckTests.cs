using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests;

/// <summary>SDM 3D, "Access-control Requirements".</summary>
public class AccessCheckTests
{
    private readonly World world = new();
    private readonly TestEnclave enclave;

    public AccessCheckTests()
    {
        enclave = TestEnclave.Built(world);
        enclave.Enter();
    }

    private Fault? Check(LinearAddress address, AccessKind access = AccessKind.Read)
        => AccessCheck.Check(world.Machine, world.Processor, world.Memory, address, access);

    private void Faults(LinearAddress address, PageFaultErrorCode code, AccessKind access = AccessKind.Read)
        => Assert.Equal(Fault.PageFault(address, code), Check(address, access));

    [Fact]
    public void Outside_enclave_mode_it_says_nothing()
    {
        enclave.Exit();
        Assert.Null(Check(enclave.Base + 0x9000, AccessKind.Write));
    }

    [Fact]
    public void Outside_the_range_only_fetches_are_refused()
    {
        Assert.Null(Check(new LinearAddress(0x1000), AccessKind.Write));
        Assert.Null(Check(enclave.Base + TestEnclave.Size));
        Assert.Equal(Fault.GeneralProtection, Check(new LinearAddress(0x1000), AccessKind.Execute));
        Assert.Equal(Fault.GeneralProtection, Check(enclave.Base - 1, AccessKind.Execute));
        Assert.Equal(Fault.GeneralProtection, Check(enclave.Base + TestEnclave.Size, AccessKind.Execute));
    }

    [Fact]
    public void Permissions_are_those_of_the_page()
    {
        Assert.Null(Check(enclave.Base));
        Assert.Null(Check(enclave.Base, AccessKind.Execute));
        Faults(enclave.Base, World.EpcmWrite, AccessKind.Write);
        Assert.Null(Check(enclave.DataAddress + 5, AccessKind.Write));
        Faults(enclave.DataAddress + 5, World.EpcmRead | PageFaultErrorCode.InstructionFetch, AccessKind.Execute);
        Expect.Success(Emodpr.Execute(world.Machine, enclave.Data, new Secinfo(SecinfoFlags.None)));
        Faults(enclave.DataAddress, World.EpcmRead);
    }

    [Fact]
    public void What_the_page_tables_say_comes_first()
    {
        LinearAddress data = enclave.DataAddress;
        world.Memory.Deny(data, AccessKind.Write);
        Faults(data, PageFaultErrorCode.Present | PageFaultErrorCode.User | PageFaultErrorCode.Write, AccessKind.Write);
        world.Memory.Unmap(data);
        Faults(data, World.AbsentRead);
        world.Memory.MapOrdinary(data);
        Faults(data, World.EpcmRead);
    }

    [Fact]
    public void Pages_in_the_wrong_state_place_or_enclave_fault()
    {
        Faults(enclave.TcsAddress, World.EpcmRead);
        LinearAddress free = enclave.Base + TestEnclave.FreeOffset;
        enclave.Augment(TestEnclave.FreeOffset);
        Faults(free, World.EpcmRead);
        world.Memory.Map(free, enclave.Data);
        Faults(free, World.EpcmRead);
        world.Memory.Map(free, new EpcPage(63));
        Faults(free, World.EpcmRead);
        TestEnclave other = TestEnclave.Built(world, origin: TestEnclave.DefaultBase + 0x100000);
        world.Memory.Map(enclave.DataAddress, other.Data);
        Faults(enclave.DataAddress, World.EpcmRead);
        Expect.Success(Emodt.Execute(world.Machine, enclave.MoreData, new Secinfo(SecinfoFlags.Trim)));
        Faults(enclave.MoreDataAddress, World.EpcmRead);
        enclave.Exit();
        EpcPage removed = world.Removed(world.Memory.Walk(enclave.Base + 0x7000, AccessKind.Read).Page);
        Assert.True(world.Epcm(removed) is { Valid: false, PageType: PageType.Reg, R: true });
        enclave.Enter();
        Faults(enclave.Base + 0x7000, World.EpcmRead);
        Expect.Success(Eblock.Execute(world.Machine, enclave.Code));
        Faults(enclave.Base, World.EpcmRead | PageFaultErrorCode.InstructionFetch, AccessKind.Execute);
    }
}
