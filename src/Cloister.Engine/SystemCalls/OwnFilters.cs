using System.Buffers.Binary;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>seccomp and prctl where a program asks for a filter of its own, for strict mode, or what it has.</summary>
/// <remarks>Once a process has one, each call of the gadget stops for the tracer (<see cref="ProgramFilter"/>).</remarks>
internal static class OwnFilters
{
    /// <summary>PR_SET_SECCOMP and PR_GET_SECCOMP, uapi linux/prctl.h.</summary>
    public const uint SetSeccomp = 22, GetSeccomp = 21;

    private const int SetModeStrict = 0, SetModeFilter = 1; // uapi linux/seccomp.h
    private const int ModeStrict = 1, ModeFilter = 2, HeaderLength = 16;

    /// <summary>seccomp(2).</summary>
    public static Answer Seccomp(TracedThread thread)
    {
        UserRegisters r = thread.Peek();
        switch ((uint)r.Rdi)
        {
            case SetModeStrict when (uint)r.Rsi == 0 && r.Rdx == 0:
                return InstallStrict(thread);
            case SetModeFilter:
                return Install(thread, r.Rdx, (calls, filter) => calls.Add(SystemCall.Seccomp, SetModeFilter, r.Rsi, filter));
            default:
                return Answer.Pass;
        }
    }

    /// <summary>prctl(PR_SET_SECCOMP) and prctl(PR_GET_SECCOMP).</summary>
    public static Answer Prctl(TracedThread thread)
    {
        UserRegisters r = thread.Peek();
        if ((uint)r.Rdi == GetSeccomp)
        {
            // The filters of Cloister do not count.
            return Answer.Made(thread.Process.HasFilters ? ModeFilter : 0);
        }

        switch (r.Rsi)
        {
            case ModeStrict:
                return InstallStrict(thread);
            case ModeFilter:
                return Install(thread, r.Rdx, (calls, filter) => calls.Add(SystemCall.Prctl, SetSeccomp, ModeFilter, filter, 0, 0));
            default:
                return Answer.Pass;
        }
    }

    /// <summary>A thread in strict mode made another call: it ends. Linux, kernel/seccomp.c, __secure_computing_strict.</summary>
    public static Answer? EndsStrict(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        if (!thread.IsStrict || ProgramFilter.StrictCalls.Contains((long)r.OrigRax))
        {
            return null;
        }

        if (thread.Process.Threads.Count == 1)
        {
            _ = HostKernel.Kill(thread.Process.Id, Signal.SIGKILL);
            return Answer.Stand;
        }

        // This thread only.
        ref UserRegisters now = ref thread.Registers;
        (now.OrigRax, now.Rdi) = ((ulong)SystemCall.Exit, Signal.SIGKILL);
        return Answer.Pass;
    }

    /// <summary>A call that was made as if it were the tracer's: by a program that jumped to the gadget, or used its mark.</summary>
    public static Answer? Refuses(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        bool marked = (long)r.OrigRax == SystemCall.Mmap && (uint)(r.R9 >> 32) == ProgramFilter.GadgetMark;
        if (!thread.Process.HasFilters || !(marked || r.Rip - Area.Gadget < 4096))
        {
            return null;
        }

        return Answer.Made(-(long)Errno.ENOSYS);
    }

    private static Answer Install(TracedThread thread, ulong address, Action<RemoteCalls, ulong> call)
    {
        // struct sock_fprog: the number of instructions, and their address behind six bytes of nothing.
        Span<byte> header = stackalloc byte[HeaderLength];
        if (!thread.Space.Memory.TryRead(address, header))
        {
            return Answer.Pass;
        }

        int count = BinaryPrimitives.ReadUInt16LittleEndian(header);
        if (count == 0 || count > ProgramFilter.MostInstructions - ProgramFilter.PrologueCount)
        {
            // The kernel refuses it, or, of the longest, the tracer's own calls stand under it.
            return Answer.Pass;
        }

        byte[] program = new byte[count * ProgramFilter.InstructionLength];
        if (!thread.Space.Memory.TryRead(BinaryPrimitives.ReadUInt64LittleEndian(header[8..]), program))
        {
            return Answer.Pass;
        }

        long result = Call(thread, ProgramFilter.Make(program), call);
        thread.Process.HasFilters |= result >= 0;
        return Answer.Made(result);
    }

    private static Answer InstallStrict(TracedThread thread)
    {
        if (thread.Process.HasFilters)
        {
            // seccomp_may_assign_mode: the mode never changes.
            return Answer.Made(-(long)Errno.EINVAL);
        }

        const ulong setNoNewPrivileges = 38;
        byte[] filter = ProgramFilter.Strict();
        void Filter(RemoteCalls calls, ulong data) => calls.Add(SystemCall.Seccomp, SetModeFilter, 0, data);
        long result = Call(thread, filter, Filter);
        if (result == -(long)Errno.EACCES)
        {
            // A filter needs what strict mode does not. Nothing is executed any more.
            _ = new RemoteCalls().Add(SystemCall.Prctl, setNoNewPrivileges, 1, 0, 0, 0).Run(thread);
            result = Call(thread, filter, Filter);
        }

        thread.Process.HasFilters |= result == 0;
        thread.IsStrict = result == 0;
        return Answer.Made(result);
    }

    private static long Call(TracedThread thread, byte[] filter, Action<RemoteCalls, ulong> call)
    {
        byte[] data = new byte[HeaderLength + filter.Length];
        BinaryPrimitives.WriteUInt16LittleEndian(data, (ushort)(filter.Length / ProgramFilter.InstructionLength));
        BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(8), RemoteCalls.DataAddress + HeaderLength);
        filter.CopyTo(data, HeaderLength);
        var calls = new RemoteCalls().WithData(data);
        call(calls, RemoteCalls.DataAddress);

        // From the moment it is there, the end of the batch is not the only stop.
        bool had = thread.Process.HasFilters;
        thread.Process.HasFilters = true;
        long result = calls.Run(thread)[0];
        thread.Process.HasFilters = had;
        return result;
    }
}
