using System.Buffers.Binary;
using System.Text;
using Cloister.Linux;

namespace Cloister.Cli.Running;

/// <summary>Finds the program's file and says in words why it cannot run, before the kernel says it in a number.</summary>
internal static class ProgramFile
{
    private const int MostInterpreters = 4;

    /// <summary>Looks a program up as execvp(3) does.</summary>
    /// <param name="name">A path, or a name to be found in PATH.</param>
    /// <returns>What is wrong with it and the exit status that says so; null and 0 when it can run.</returns>
    public static (string? Problem, int Status) Check(string name)
    {
        if (name.Length == 0)
        {
            return ("the program's name is empty", Failure.NotFound);
        }

        if (ProgramPath.Find(name) is not { } path)
        {
            string advice = File.Exists(name) ? $"; for the file in this directory write ./{name}" : "";
            return ($"{name}: no such program in PATH{advice}", Failure.NotFound);
        }

        return Check(path, 0);
    }

    private static (string? Problem, int Status) Check(string path, int depth)
    {
        Errno error = FileStatus.TryGet(path, out FileStatus status);
        switch (error)
        {
            case Errno.None:
                break;
            case Errno.ENOENT or Errno.ENOTDIR:
                return ($"{path}: no such file", Failure.NotFound);
            case Errno.EACCES:
                return ($"{path}: a directory on the way may not be searched", Failure.NotFound);
            default:
                return ($"{path}: {error}", Failure.NotFound);
        }

        if (status.IsDirectory)
        {
            return ($"{path}: a directory, not a program", Failure.NotRunnable);
        }

        if (!status.IsRegular)
        {
            return ($"{path}: not an ordinary file", Failure.NotRunnable);
        }

        if (!FileStatus.MayExecute(path))
        {
            return ($"{path}: not executable; `chmod +x {path}`, or is it on a noexec file system?", Failure.NotRunnable);
        }

        bool root = HostProbe.EffectiveUser == 0;
        if (!root && (status.IsSetUserId && status.Owner != HostProbe.EffectiveUser
            || status.IsSetGroupId && status.Group != HostProbe.EffectiveGroup))
        {
            // execve(2): the bits are ignored when the process is traced.
            return ($"{path}: a set-uid or set-gid program, which the kernel gives no privileges under a tracer; run Cloister as the user it is to be", Failure.NotRunnable);
        }

        return CheckContent(path, depth);
    }

    private static (string? Problem, int Status) CheckContent(string path, int depth)
    {
        Span<byte> head = stackalloc byte[256];
        using (HostFile? file = HostFile.TryOpen(path, out Errno error))
        {
            if (file is null)
            {
                // The kernel hides the memory of such a program from a tracer without CAP_SYS_PTRACE. ptrace(2).
                return (error == Errno.EACCES
                    ? $"{path}: may be executed and not read, and Cloister has to read it; run as root or `chmod +r {path}`"
                    : $"{path}: cannot be read: {error}", Failure.NotRunnable);
            }

            head = head[..Math.Max(file.ReadAt(head, 0), 0)];
        }

        if (head.StartsWith("#!"u8))
        {
            int end = head.IndexOf((byte)'\n');
            string line = Encoding.UTF8.GetString(head[2..(end < 0 ? head.Length : end)]).Trim(' ', '\t', '\r');
            string interpreter = line.Split(' ', '\t')[0];
            if (interpreter.Length == 0 || depth == MostInterpreters)
            {
                return ($"{path}: its first line names no interpreter that can be run", Failure.NotRunnable);
            }

            (string? problem, int status) = Check(interpreter, depth + 1);
            return problem is null ? (null, 0)
                : ($"{path}: its interpreter {problem}", status == Failure.NotFound ? Failure.NotRunnable : status);
        }

        return CheckElf(path, head);
    }

    // Source: System V ABI, ELF header: EI_CLASS at 4, EI_DATA at 5, e_type at 16, e_machine at 18.
    private static (string? Problem, int Status) CheckElf(string path, ReadOnlySpan<byte> head)
    {
        const ushort x8664 = 62, i386 = 3, arm64 = 183, executable = 2, dynamic = 3;
        if (!head.StartsWith("\u007fELF"u8) || head.Length < 20)
        {
            return ($"{path}: neither an ELF program nor a script that begins with #!", Failure.NotRunnable);
        }

        ushort machine = BinaryPrimitives.ReadUInt16LittleEndian(head[18..]), type = BinaryPrimitives.ReadUInt16LittleEndian(head[16..]);
        bool is64 = head[4] == 2, littleEndian = head[5] == 1;
        if (!littleEndian || machine != x8664 || !is64)
        {
            string kind = !littleEndian ? "a big-endian machine" : machine switch
            {
                i386 => "32-bit x86",
                x8664 => "x32 (32-bit pointers)",
                arm64 => "ARM 64",
                _ => $"ELF machine {machine}",
            };
            return ($"{path}: a program for {kind}; Cloister runs 64-bit x86-64 programs", Failure.NotRunnable);
        }

        return type is executable or dynamic ? (null, 0) : ($"{path}: an ELF file that is not linked to a program", Failure.NotRunnable);
    }
}
