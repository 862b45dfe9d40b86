using System.Globalization;
using System.Text;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>The path that a system call asks for, where it may be one that a machine with SGX answers otherwise.</summary>
internal static class AskedPath
{
    /// <summary>Whether a path may be of a device or of a file that says something of the processor: nearly none is.</summary>
    public static bool MayMatter(ReadOnlySpan<byte> path) => path.IndexOf("sgx"u8) >= 0 || path.EndsWith("cpuinfo"u8)
        || path.EndsWith("enclave"u8) || path.EndsWith("provision"u8) || path.EndsWith(".socket"u8) || path.IndexOf("/fd/"u8) >= 0;

    /// <summary>The full path at an address; null when it is none that matters.</summary>
    public static string? Of(TracedThread thread, ulong address, ServedPlaces? served = null)
    {
        string? path = thread.Space.Memory.TryReadString(address);
        if (path is null || !(MayMatter(Encoding.UTF8.GetBytes(path)) || served?.HasName(path) == true))
        {
            return null;
        }

        if (!path.StartsWith('/'))
        {
            string? directory = Dumpable.Reach(thread, () => ProcPath.Directory(thread.Id));
            path = directory is null ? path : Path.Combine(directory, path);
        }

        return Path.GetFullPath(path);
    }

    /// <summary>The descriptor that a path in /proc or /dev/fd leads to, and whose it is; null when it leads to none.</summary>
    public static (int Owner, int Descriptor)? DescriptorOf(TracedThread thread, string path)
    {
        // /proc/self is the process's leader, whose table need not be the thread's.
        (int owner, string? number) = path.Split('/') switch
        {
            [_, "dev", "fd", var n] => (thread.Process.Id, n),
            [_, _, "self", "fd", var n] => (thread.Process.Id, n),
            [_, _, "thread-self", "fd", var n] => (thread.Id, n),
            [_, _, "self", "task", var task, "fd", var n] when Number(task) is { } id => (id, n),
            [_, _, var process, "task", var task, "fd", var n] when Number(process) is not null && Number(task) is { } id => (id, n),
            [_, _, var process, "fd", var n] when Number(process) is { } id => (id, n),
            _ => (0, null),
        };
        return owner != 0 && Number(number) is { } descriptor ? (owner, descriptor) : null;

        static int? Number(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number : null;
    }
}
