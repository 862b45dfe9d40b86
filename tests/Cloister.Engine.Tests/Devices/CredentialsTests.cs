using Cloister.Engine.Devices;
using Cloister.Engine.Options;

namespace Cloister.Engine.Tests.Devices;

/// <summary>Linux, fs/namei.c: acl_permission_check and generic_permission.</summary>
public class CredentialsTests
{
    private const uint ReadWrite = Credentials.Read | Credentials.Write;
    private static readonly DeviceAccess s_device = new(Owner: 10, Group: 20, Mode: 0x1b0); // rw-rw----

    [Theory]
    [InlineData(10u, 1u, 1u, true)]
    [InlineData(1u, 20u, 1u, true)]
    [InlineData(1u, 1u, 20u, true)]
    [InlineData(1u, 1u, 1u, false)]
    [InlineData(0u, 0u, 0u, false)]
    public void Owner_and_group_may_and_others_may_not(uint user, uint group, uint supplementary, bool may) =>
        Assert.Equal(may, new Credentials(user, group, [3, supplementary], 0).MayOpen(s_device, ReadWrite));

    [Fact]
    public void The_first_class_that_fits_decides()
    {
        var owner = new Credentials(10, 20, [20], 0);
        Assert.False(owner.MayOpen(s_device with { Mode = 0x3f }, Credentials.Read)); // ---rwxrwx
        var member = new Credentials(1, 20, [], 0);
        Assert.False(member.MayOpen(s_device with { Mode = 0x1c7 }, Credentials.Read)); // rwx---rwx
    }

    [Theory]
    [InlineData(0x124u, Credentials.Read, true)] // r--r--r--
    [InlineData(0x124u, Credentials.Write, false)]
    [InlineData(0x92u, Credentials.Write, true)] // -w--w--w-
    [InlineData(0x92u, ReadWrite, false)]
    [InlineData(0u, 0u, true)]
    public void Reading_and_writing_are_asked_for_apart(uint mode, uint wanted, bool may) =>
        Assert.Equal(may, new Credentials(1, 1, [], 0).MayOpen(s_device with { Mode = mode }, wanted));

    [Fact]
    public void Capabilities_pass_the_mode()
    {
        DeviceAccess none = s_device with { Mode = 0 };
        Assert.True(new Credentials(0, 0, [], 1 << 1).MayOpen(none, ReadWrite));
        Assert.True(new Credentials(0, 0, [], 1 << 2).MayOpen(none, Credentials.Read));
        Assert.False(new Credentials(0, 0, [], 1 << 2).MayOpen(none, ReadWrite));
    }

    [Fact]
    public void Files_are_opened_by_the_file_systems_ids_and_access_asks_by_the_real_ones()
    {
        static string Field(string name) => name switch
        {
            "Uid:" => "1\t2\t3\t4",
            "Gid:" => "5\t6\t7\t8",
            "Groups:" => "9 10 ",
            "CapEff:" => "0000000000000002",
            _ => "",
        };
        var open = Credentials.Parse(Field, real: false);
        Assert.Equal((4u, 8u, 2UL), (open.User, open.Group, open.Capabilities));
        Assert.Equal([9u, 10u], open.Groups);
        var access = Credentials.Parse(Field, real: true);
        Assert.Equal((1u, 5u, 0UL), (access.User, access.Group, access.Capabilities));
    }

    [Fact]
    public void A_real_root_has_its_permitted_capabilities_in_access() =>
        Assert.Equal(6UL,
            Credentials.Parse(name => name switch { "Uid:" => "0 1 1 1", "Gid:" => "0 0 0 0", "CapPrm:" => "6", _ => "" },
                real: true).Capabilities);
}
