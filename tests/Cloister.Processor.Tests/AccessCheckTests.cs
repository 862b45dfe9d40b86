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

    [Theory]
    [InlineData(AccessKind.Read, PageFaultErrorCode.User)]
    [InlineData(AccessKind.Write, PageFaultErrorCode.User | PageFaultErrorCode.Write)]
    [InlineData(AccessKind.Execute, PageFaultErrorCode.User | PageFaultErrorCode.InstructionFetch)]
    public void The_code_says_who_refused(AccessKind access, PageFaultErrorCode code)
    {
        // Whatever state the page is in: the EPCM is looked at when the page tables have allowed it.
        enclave.Augment(TestEnclave.FreeOffset);
        Expect.Success(Emodt.Execute(world.Machine, enclave.MoreData, new Secinfo(SecinfoFlags.Trim)));
        Expect.Success(Emodpr.Execute(world.Machine, enclave.Data, new Secinfo(SecinfoFlags.None)));
        foreach (LinearAddress page in (LinearAddress[])[enclave.Base + TestEnclave.FreeOffset, enclave.MoreDataAddress,
            enclave.DataAddress, enclave.TcsAddress])
        {
            EpcPage mapped = world.Memory.Walk(page, access).Page;
            Faults(page + 8, code | PageFaultErrorCode.Present | PageFaultErrorCode.Sgx, access);
            world.Memory.MapOrdinary(page);
            Faults(page + 8, code | PageFaultErrorCode.Present | PageFaultErrorCode.Sgx, access);
            world.Memory.Map(page, mapped);
            world.Memory.Deny(page, access);
            Faults(page + 8, code | PageFaultErrorCode.Present, access);
            world.Memory.Unmap(page);
            Faults(page + 8, code, access);
        }

        var outside = new LinearAddress(0x7000);
        world.Memory.MapOrdinary(outside);
        Assert.Null(AccessCheck.CheckPageTables(world.Memory, outside, access));
        world.Memory.Deny(outside, access);
        Assert.Equal(Fault.PageFault(outside, code | PageFaultErrorCode.Present),
            AccessCheck.CheckPageTables(world.Memory, outside, access));
        world.Memory.Unmap(outside);
        Assert.Equal(Fault.PageFault(outside, code), AccessCheck.CheckPageTables(world.Memory, outside, access));
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
