using System.Text;

namespace Cloister.Linux;

/// <summary>Starts a program so that it can be seized before its first instruction.</summary>
public static unsafe class Spawn
{
    /// <summary>Starts <c>/bin/sh</c>, which stops itself with SIGSTOP and then execs the program, with an empty signal mask and the signal actions that this process was started with.</summary>
    /// <remarks>.NET ignores SIGPIPE, and posix_spawn is the one way to start a child with its actions reset from managed code.
    /// System.Diagnostics.Process cannot be used: it reaps the children of the whole process.</remarks>
    /// <returns>The process id.</returns>
    public static int Stopped(IReadOnlyList<string> arguments)
    {
        string[] argv = ["/bin/sh", "-c", "kill -STOP $$; exec \"$@\"", "cloister", .. arguments];
        var environment = new List<string>();
        foreach (System.Collections.DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            environment.Add($"{entry.Key}={entry.Value}");
        }

        const int attributesSize = 512, setSize = 128;
        byte* attributes = stackalloc byte[attributesSize];
        byte* all = stackalloc byte[setSize];
        byte* none = stackalloc byte[setSize];
        new Span<byte>(all, setSize).Fill(0xff);
        *(ulong*)all &= ~InheritedIgnores();
        new Span<byte>(none, setSize).Clear();
        _ = NativeMethods.SpawnAttributesInitialize(attributes);
        _ = NativeMethods.SpawnAttributesSetSignalDefault(attributes, all);
        _ = NativeMethods.SpawnAttributesSetSignalMask(attributes, none);
        const short setSignalDefault = 4, setSignalMask = 8;
        _ = NativeMethods.SpawnAttributesSetFlags(attributes, setSignalDefault | setSignalMask);

        byte[] block = Block(argv, out int[] argvOffsets);
        byte[] environmentBlock = Block(environment, out int[] environmentOffsets);
        fixed (byte* a = block, e = environmentBlock)
        {
            byte** argvPointers = stackalloc byte*[argvOffsets.Length + 1];
            byte*[] environmentPointers = new byte*[environmentOffsets.Length + 1];
            for (int i = 0; i < argvOffsets.Length; i++)
            {
                argvPointers[i] = a + argvOffsets[i];
            }

            argvPointers[argvOffsets.Length] = null;
            for (int i = 0; i < environmentOffsets.Length; i++)
            {
                environmentPointers[i] = e + environmentOffsets[i];
            }

            fixed (byte** environmentStart = environmentPointers)
            {
                int process;
                int error = NativeMethods.PosixSpawn(&process, "/bin/sh", null, attributes, argvPointers, environmentStart);
                return error == 0 ? process : throw new LinuxException("posix_spawn", (Errno)error);
            }
        }
    }

    // What whoever started this process has it ignore (nohup, a shell's background job) the program ignores too. Bit n-1 is signal n.
    private static ulong InheritedIgnores() =>
        HostKernel.StatusField(Environment.ProcessId, "SigIgn:") is { } text
        && ulong.TryParse(text, System.Globalization.NumberStyles.HexNumber, null, out ulong mask) ? mask & ~(1UL << (Signal.SIGPIPE - 1)) : 0;

    private static byte[] Block(IReadOnlyList<string> strings, out int[] offsets)
    {
        var bytes = new List<byte>();
        offsets = new int[strings.Count];
        for (int i = 0; i < strings.Count; i++)
        {
            offsets[i] = bytes.Count;
            bytes.AddRange(Encoding.UTF8.GetBytes(strings[i]));
            bytes.Add(0);
        }

        bytes.Add(0);
        return [.. bytes];
    }
}
