using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Engine.Vdso;
using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>What a program finds when it begins: Cloister's area, a vDSO with the SGX function, and no CPUID
/// instruction of its own.</summary>
internal static class ExecSetup
{
    private const ulong AtSysinfoEhdr = 33;

    /// <summary>Prepares the new image at the return of execve, before its first instruction.</summary>
    /// <param name="platform">What holds it.</param>
    /// <param name="thread">The thread that executed it.</param>
    /// <param name="fast">Whether entries shall be made without stops.</param>
    /// <param name="switchesView">Whether they show the enclaves then: strict isolation.</param>
    /// <param name="isFirst">Whether it is the program that Cloister was asked to run.</param>
    /// <param name="cpuid">How CPUID is answered.</param>
    /// <param name="notice">Hears what the program has to do without.</param>
    public static void Prepare(IPlatform platform, TracedThread thread, bool fast, bool switchesView, bool isFirst, CpuidMode cpuid,
        Action<string> notice)
    {
        if ((long)thread.Peek().Rax < 0 || thread.Peek().Cs == 0x23)
        {
            // A 32-bit program: SGX programs are not, so it runs untouched.
            return;
        }

        AddressSpace space = thread.Space;
        if (!space.Memory.IsOpen)
        {
            // Its file may be executed and not read (it is not dumpable then), or this process has no descriptor left.
            notice("a program's memory cannot be reached: it runs without SGX");
            return;
        }

        (ulong Entry, ulong Vdso)? found = FindVdso(thread, thread.Peek().Rsp);
        Errno error = platform.MapArea(thread.Held, out string call);
        if (error != Errno.None)
        {
            // The program's own doing, as a low limit of its memory, is no reason for the others to end.
            if (isFirst || error is Errno.EPERM or Errno.ENOSYS or Errno.EACCES)
            {
                throw new LinuxException(call, error);
            }

            notice($"Cloister's own pages find no place in a program ({call}: {error}): it runs without SGX");
            return;
        }

        if (found is { } vector)
        {
            Replace(space, vector, fast, switchesView);
        }

        const ulong setCpuid = 0x1012, disabled = 0;
        space.CpuidFaults = cpuid == CpuidMode.Fault && new RemoteCalls().Add(SystemCall.ArchPrctl, setCpuid, disabled).Run(thread)[0] == 0;
        if (!space.CpuidFaults)
        {
            CpuidPatcher.PatchAll(space, thread.Id);
        }
    }

    /// <summary>Prepares a program that has run for a while: it asked for its vDSO and executed CPUID, and finds others when it does so
    /// again.</summary>
    /// <param name="platform">What holds it.</param>
    /// <param name="thread">The thread, which stands behind a system call. Others may run.</param>
    /// <param name="fast">Whether entries shall be made without stops.</param>
    /// <param name="switchesView">As for <see cref="Prepare"/>.</param>
    /// <param name="notice">Hears what the program has to do without.</param>
    /// <returns>Whether it is prepared.</returns>
    public static bool PrepareRunning(IPlatform platform, TracedThread thread, bool fast, bool switchesView, Action<string> notice)
    {
        AddressSpace space = thread.Space;
        ulong stack = HostKernel.BeginOfStack(thread.Process.Id);
        (ulong Entry, ulong Vdso)? found = stack == 0 ? null : FindVdso(thread, stack);
        Errno error = space.Memory.IsOpen ? platform.MapArea(thread.Held, out string call) : Failed(out call);
        if (error != Errno.None)
        {
            notice($"Cloister's own pages find no place in a program that runs ({call}: {error}): it has no SGX");
            return false;
        }

        if (found is { } vector)
        {
            Replace(space, vector, fast, switchesView);
        }

        CpuidPatcher.PatchAll(space, thread.Id);
        foreach (int signal in SignalAction.OfExceptions)
        {
            const ulong setLength = 8;
            if (new RemoteCalls().Add(SystemCall.RtSigaction, (ulong)signal, 0, RemoteCalls.DataAddress, setLength).Run(thread)[0] == 0)
            {
                thread.Process.Actions[signal] = MemoryMarshal.Read<SignalAction>(RemoteCalls.Data(thread, Marshal.SizeOf<SignalAction>()));
            }
        }

        return true;

        static Errno Failed(out string call)
        {
            call = "open";
            return Errno.EACCES;
        }
    }

    private static void Replace(AddressSpace space, (ulong Entry, ulong Vdso) vector, bool fast, bool switchesView)
    {
        byte[] image = new byte[0x4000];
        int length = space.Memory.ReadUpTo(vector.Vdso, image);
        VdsoImage vdso = VdsoImage.Build(VdsoSymbols.Functions(image.AsSpan(0, length), vector.Vdso), fast, switchesView);
        vdso.Bytes.CopyTo(space.Table!.Slice(RemoteCalls.Offset(Area.Vdso), Area.VdsoLength));
        space.Vdso = vdso;
        Span<byte> address = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(address, Area.Vdso);
        _ = space.Memory.TryWrite(vector.Entry, address);
    }

    // The auxiliary vector lies behind argc, argv and the environment on the new stack. Source: System V ABI, x86-64, 3.4.1.
    private static (ulong Entry, ulong Vdso)? FindVdso(TracedThread thread, ulong rsp)
    {
        const int most = 1 << 20;
        byte[] stack = ArrayPool<byte>.Shared.Rent(most);
        try
        {
            return FindVdso(thread, rsp, stack.AsSpan(0, most));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stack);
        }
    }

    private static (ulong Entry, ulong Vdso)? FindVdso(TracedThread thread, ulong rsp, Span<byte> room)
    {
        int length = thread.Space.Memory.ReadUpTo(rsp, room) & ~7;
        ReadOnlySpan<byte> stack = room[..length];
        int at = 1 + (int)Math.Min(Word(stack, 0), (ulong)length / 8) + 1;
        while (at * 8 < length && Word(stack, at) != 0)
        {
            at++;
        }

        for (at++; at * 8 + 16 <= length && Word(stack, at) != 0; at += 2)
        {
            if (Word(stack, at) == AtSysinfoEhdr)
            {
                return (rsp + (ulong)(at + 1) * 8, Word(stack, at + 1));
            }
        }

        return null;

        static ulong Word(ReadOnlySpan<byte> stack, int i) => i * 8 + 8 <= stack.Length
            ? BinaryPrimitives.ReadUInt64LittleEndian(stack[(i * 8)..]) : 0;
    }
}
