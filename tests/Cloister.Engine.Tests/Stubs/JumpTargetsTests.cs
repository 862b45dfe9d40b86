using Cloister.Engine.Stubs;

namespace Cloister.Engine.Tests.Stubs;

public class JumpTargetsTests
{
    // The jump ends 5 bytes behind the site; what follows the ENCLU is the upper half of its distance. SDM 2A, JMP.
    [Theory]
    [InlineData(0x5555_0000_1000, 0x48, 0x89, 0x5554_8948_1005)] // back: 0x8948 is negative
    [InlineData(0x5555_0000_1000, 0xc3, 0x66, 0x5555_66c3_1005)] // ahead
    [InlineData(0x5555_0000_1000, 0x00, 0x00, 0x5555_0000_1005)]
    [InlineData(0x5555_0000_1000, 0xff, 0xff, 0x5554_ffff_1005)]
    public void Follow_the_bytes_behind(ulong site, byte low, byte high, ulong first)
    {
        JumpTargets? targets = JumpTargets.Of(site, [low, high]);
        Assert.Equal(new JumpTargets(first, first + 0xffff), targets);
    }

    [Theory]
    [InlineData(0x40_1000, 0x48, 0x89)] // below zero
    [InlineData(0x40_1000, 0xc0, 0xff)] // the lowest page
    [InlineData(0x7fff_f000_1000, 0x48, 0x7f)] // the kernel's half
    public void Stay_in_user_space(ulong site, byte low, byte high) => Assert.Null(JumpTargets.Of(site, [low, high]));

    [Fact]
    public void Near_is_within_a_long_jump()
    {
        Assert.Equal(new JumpTargets(0x5555_0000_1000 - (1 << 30), 0x5555_0000_1000 + (1 << 30)), JumpTargets.Near(0x5555_0000_1000));
        Assert.Equal(0ul, JumpTargets.Near(0x40_1000).First);
    }
}
