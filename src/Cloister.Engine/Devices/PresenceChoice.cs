using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.Devices;

/// <summary>What decides in an address space which pages are present: a userfaultfd, or mprotect where none can be had.</summary>
internal static class PresenceChoice
{
    private static readonly Lazy<Errno> _missing = new(() => Userfaultfd.Probe(out ulong features) is var error and not Errno.None ? error
        : Userfaultfd.NeededFeatures.All(feature => (features & feature.Bit) != 0) ? Errno.None : Errno.ENOSYS);

    /// <summary>Chooses for a thread's address space, once. The thread stands, and can make calls.</summary>
    /// <param name="mode">What was asked for.</param>
    /// <param name="notice">Hears what has to be done without.</param>
    /// <param name="thread">The thread.</param>
    public static void Make(PresenceMode mode, Action<string> notice, TracedThread thread)
    {
        NativePages native = thread.Space.Native;
        if (native.ByProtection || native.Presence is not null)
        {
            return;
        }

        Errno error = Errno.None;
        native.Presence = mode == PresenceMode.Mprotect ? null : Make(thread, out error);
        native.ByProtection = native.Presence is null;

        // A program that may have no more files needs none for mmap(2).
        if (error is not (Errno.None or Errno.EMFILE))
        {
            if (mode == PresenceMode.Userfaultfd)
            {
                throw new LinuxException("userfaultfd", error);
            }

            notice("no userfaultfd as it is needed (Linux 5.19; in a container its seccomp profile): "
                + "pages come and go by mprotect, which is slower");
        }
    }

    // It is made in the program, whose seccomp filters may say no, and copied out of it: the file behind it cannot be opened.
    private static Userfaultfd? Make(TracedThread thread, out Errno error)
    {
        error = _missing.Value;
        if (error != Errno.None)
        {
            return null;
        }

        long descriptor = ProgramDescriptor.Make(thread, new RemoteCalls().Add(SystemCall.Userfaultfd, 0x80000 | Userfaultfd.UserModeOnly));
        if (descriptor < 0)
        {
            error = (Errno)(-descriptor);
            return null;
        }

        int taken = ProgramDescriptor.Take(thread, (int)descriptor, out _);
        _ = MemoryFiles.Keep(() => HostKernel.Close(taken), () => new RemoteCalls().Add(SystemCall.Close, (ulong)descriptor).Run(thread));
        error = taken < 0 ? (Errno)(-taken) : Errno.None;
        return taken < 0 ? null : new Userfaultfd(taken);
    }
}
