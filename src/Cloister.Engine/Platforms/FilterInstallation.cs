using Cloister.Linux;

namespace Cloister.Engine.Platforms;

/// <summary>Seccomp filters of Cloister's in a program that runs.</summary>
internal static class FilterInstallation
{
    /// <summary>Adds a seccomp filter to all threads of a process.</summary>
    public static void Install(IHeldThread thread, byte[] program)
    {
        const ulong setModeFilter = 1, threadSync = 1, setNoNewPrivileges = 38;
        byte[] data = new byte[16 + program.Length];
        BitConverter.TryWriteBytes(data.AsSpan(0), (ushort)(program.Length / 8));
        BitConverter.TryWriteBytes(data.AsSpan(8), RemoteCalls.DataAddress + 16);
        program.CopyTo(data, 16);
        long result = new RemoteCalls().WithData(data).Add(SystemCall.Seccomp, setModeFilter, threadSync, RemoteCalls.DataAddress)
            .Run(thread)[0];
        if (result == -(long)Errno.EACCES)
        {
            // The program has given up root since it began. seccomp(2): then it must not gain privileges any more.
            result = new RemoteCalls().WithData(data).Add(SystemCall.Prctl, setNoNewPrivileges, 1, 0, 0, 0)
                .Add(SystemCall.Seccomp, setModeFilter, threadSync, RemoteCalls.DataAddress).Run(thread)[1];
        }

        if (result > 0)
        {
            // A thread with filters of its own stands in the way: this one at least.
            _ = new RemoteCalls().WithData(data).Add(SystemCall.Seccomp, setModeFilter, 0, RemoteCalls.DataAddress).Run(thread);
        }
    }
}
