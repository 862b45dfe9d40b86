using System.Buffers.Binary;
using Cloister.Engine.Options;
using Cloister.Linux;

namespace Cloister.Engine.Platforms.Tracing;

/// <summary>Makes what was seized become the program.</summary>
internal static class InitialExec
{
    private const long Execve = 59;

    /// <summary>Makes execve in a thread. What follows its event is served like every other exec.</summary>
    public static void Perform(Waits waits, PtraceThread thread, ProgramInvocation program)
    {
        (byte[] block, int argv, int envp) = Layout(program);
        ulong size = HostPage.Whole((ulong)block.Length);
        long at = Bootstrap.Call(thread, SystemCall.Mmap, 0, size, MemoryProtection.Read | MemoryProtection.Write,
            MemoryProtection.Private | MemoryProtection.Anonymous, unchecked((ulong)-1), 0);
        if (at < 0)
        {
            throw new LinuxException("mmap", (Errno)(-at));
        }

        Relocate(block, (ulong)at, argv);
        if (!thread.Process.Memory.Bytes.TryWrite((ulong)at, block) || !thread.Process.Memory.Bytes.TryPoke(thread.Peek().Rip,
            [0x0f, 0x05]))
        {
            throw new LinuxException("process_vm_writev", Errno.EFAULT);
        }

        ref UserRegisters r = ref thread.Registers;
        r.OrigRax = ulong.MaxValue;
        (r.Rax, r.Rdi, r.Rsi, r.Rdx) = (Execve, (ulong)at, (ulong)at + (ulong)argv, (ulong)at + (ulong)envp);
        _ = thread.Store();
        thread.NoteRan();
        while (true)
        {
            _ = Ptrace.ContinueToSyscall(thread.Id, 0);
            int waited = thread.Wait(out WaitStatus status);
            thread.Stopped = status.Stopped;
            if (waited < 0 || !status.Stopped || status.Event == PtraceEvent.Exec)
            {
                waits.PutBack(thread, TracedEvent.Of(thread.Id, status));
                return;
            }

            _ = Ptrace.GetRegisters(thread.Id, out UserRegisters now);
            if (status.Event == PtraceEvent.None && status.StopSignal != (Signal.SIGTRAP | 0x80))
            {
                _ = Ptrace.GetSignal(thread.Id, out SignalInformation information);
                thread.Defer(information);
            }
            else if (status.Event == PtraceEvent.None && (long)now.Rax is < 0 and var result && result != -(long)Errno.ENOSYS)
            {
                // At the entry of a system call RAX is -ENOSYS; so this is the return of one that failed.
                throw new LinuxException("execve", (Errno)(-result));
            }
        }
    }

    // The path, the arguments and the variables, zero-terminated; then argv and envp, whose pointers are offsets still.
    private static (byte[] Block, int Argv, int Envp) Layout(ProgramInvocation program)
    {
        List<byte[]> strings = [program.Path.ToArray(), .. program.Arguments, .. program.Environment];
        int length = 0;
        foreach (byte[] text in strings)
        {
            length += text.Length + 1;
        }

        int argv = (length + 7) & ~7;
        int envp = argv + (program.Arguments.Count + 1) * 8;
        byte[] block = new byte[envp + (program.Environment.Count + 1) * 8];
        int at = 0, pointer = argv;
        for (int i = 0; i < strings.Count; i++)
        {
            strings[i].CopyTo(block, at);
            if (i == program.Arguments.Count + 1)
            {
                pointer = envp;
            }

            if (i > 0)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(block.AsSpan(pointer), (ulong)at);
                pointer += 8;
            }

            at += strings[i].Length + 1;
        }

        return (block, argv, envp);
    }

    // No string but the path is at offset 0, so a zero is a terminator.
    private static void Relocate(Span<byte> block, ulong start, int pointers)
    {
        for (Span<byte> at = block[pointers..]; at.Length >= 8; at = at[8..])
        {
            ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(at);
            BinaryPrimitives.WriteUInt64LittleEndian(at, offset == 0 ? 0 : start + offset);
        }
    }
}
