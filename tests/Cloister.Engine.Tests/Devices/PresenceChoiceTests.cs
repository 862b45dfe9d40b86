using Cloister.Engine.Devices;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Devices;

public sealed class PresenceChoiceTests : IDisposable
{
    private readonly OwnThread _own = new();
    private readonly List<string> _notices = [];

    public void Dispose() => _own.Dispose();

    // What the kernel lacks it lacks for every program: none is asked then.
    private static bool KernelHasIt { get; } = Userfaultfd.Probe(out ulong features) == Errno.None
        && Userfaultfd.NeededFeatures.All(feature => (features & feature.Bit) != 0);

    [Fact]
    public void Who_asks_for_mprotect_gets_it_without_a_word()
    {
        Make(PresenceMode.Mprotect, Errno.EPERM);

        Assert.True(_own.Space.Native.ByProtection);
        Assert.Empty(Calls);
        Assert.Empty(_notices);
    }

    [Fact]
    public void A_program_that_may_have_none_is_told_of_and_goes_by_mprotect()
    {
        Make(PresenceMode.Auto, Errno.EPERM);

        Assert.True(_own.Space.Native.ByProtection);
        Assert.Contains("mprotect", Assert.Single(_notices));
        Assert.Equal(KernelHasIt ? 1 : 0, Calls.Count(call => call.Number == SystemCall.Userfaultfd));
    }

    [Fact]
    public void It_is_chosen_once()
    {
        Make(PresenceMode.Auto, Errno.EPERM);
        int calls = Calls.Count;
        Make(PresenceMode.Userfaultfd, Errno.EPERM);

        Assert.Equal(calls, Calls.Count);
        Assert.Single(_notices);
    }

    [Fact]
    public void One_that_has_no_descriptor_left_is_not_the_kernels_lack()
    {
        Make(PresenceMode.Auto, Errno.EMFILE);

        Assert.True(_own.Space.Native.ByProtection);
        Assert.Equal(KernelHasIt ? 0 : 1, _notices.Count);
    }

    [Fact]
    public void Who_asks_for_a_userfaultfd_gets_it_or_an_error()
    {
        Errno error = Assert.Throws<LinuxException>(() => Make(PresenceMode.Userfaultfd, Errno.EPERM)).Errno;
        Assert.True(error == Errno.EPERM || !KernelHasIt);
        Assert.Empty(_notices);
    }

    private List<RemoteCall> Calls => ((TestThread)_own.Thread.Held).Calls;

    private void Make(PresenceMode mode, Errno error)
    {
        ((TestThread)_own.Thread.Held).OnCall = call => call.Number == SystemCall.Userfaultfd ? -(long)error : null;
        PresenceChoice.Make(mode, _notices.Add, _own.Thread);
    }
}
