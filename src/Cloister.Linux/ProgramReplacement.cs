using System.Text;

namespace Cloister.Linux;

/// <summary>Makes this process another program.</summary>
public static unsafe class ProgramReplacement
{
    /// <summary>execve(2). The runtime's own ignored SIGPIPE does not go on to the program.</summary>
    /// <param name="path">The program's file.</param>
    /// <param name="arguments">argv, without terminators.</param>
    /// <param name="environment">envp, without terminators.</param>
    /// <returns>Why it cannot be; where it can, this does not return.</returns>
    public static Errno Execute(string path, IReadOnlyList<byte[]> arguments, IReadOnlyList<byte[]> environment)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(arguments);
        ArgumentNullException.ThrowIfNull(environment);
        const long sigaction = 13, execve = 59, setSize = 8;
        ulong* byDefault = stackalloc ulong[4] { 0, 0, 0, 0 };
        _ = NativeMethods.SystemCall(sigaction, Signal.SIGPIPE, (long)byDefault, 0, setSize, 0, 0);
        byte[] file = [.. Encoding.UTF8.GetBytes(path), 0], strings = Joined(arguments), variables = Joined(environment);
        fixed (byte* name = file, first = strings, second = variables)
        {
            byte** argv = stackalloc byte*[arguments.Count + 1];
            fixed (nint* envp = new nint[environment.Count + 1])
            {
                Point(arguments, first, argv);
                Point(environment, second, (byte**)envp);
                _ = NativeMethods.SystemCall(execve, (long)name, (long)argv, (long)envp, 0, 0, 0);
                return NativeMethods.LastError;
            }
        }
    }

    private static byte[] Joined(IReadOnlyList<byte[]> strings)
    {
        using var all = new MemoryStream();
        foreach (byte[] one in strings)
        {
            all.Write(one);
            all.WriteByte(0);
        }

        all.WriteByte(0);
        return all.ToArray();
    }

    private static void Point(IReadOnlyList<byte[]> strings, byte* first, byte** pointers)
    {
        byte* next = first;
        for (int i = 0; i < strings.Count; i++)
        {
            pointers[i] = next;
            next += strings[i].Length + 1;
        }

        pointers[strings.Count] = null;
    }
}
