namespace Cloister.Engine.Tests;

public class GuestsTests
{
    [Fact]
    public void A_machine_stays_while_somebody_is_expected()
    {
        var guests = new Guests();
        Assert.True(guests.Expect());
        Assert.True(guests.Expect());
        Assert.False(guests.TryEnd());
        guests.Forget();
        Assert.False(guests.TryEnd());
        guests.Forget();
        Assert.True(guests.TryEnd());
    }

    [Fact]
    public void Nobody_comes_to_one_that_has_ended()
    {
        var guests = new Guests();
        Assert.True(guests.TryEnd());
        Assert.False(guests.Expect());
        Assert.True(guests.TryEnd());
    }
}
