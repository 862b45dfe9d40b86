using System.Buffers.Binary;
using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>connect(2) to a UNIX socket that a service of this process stands behind: the program's socket is connected to the service's.</summary>
internal sealed class SocketConnections(Tracer tracer)
{
    private const int FamilyLength = 2, LongestAddress = 110; // struct sockaddr_un: uapi linux/un.h
    private const ushort Unix = 1; // AF_UNIX
    private readonly ServedPlaces _served = new(tracer.Options);

    /// <summary>Answers the stop of a thread before the call.</summary>
    public void Connect(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        Span<byte> address = stackalloc byte[LongestAddress];
        if (r.Rdx <= FamilyLength || r.Rdx > LongestAddress || !thread.Space.Memory.TryRead(r.Rsi, address[..(int)r.Rdx]) || BinaryPrimitives.ReadUInt16LittleEndian(address) != Unix
            || _served.Address(address[FamilyLength..(int)r.Rdx], () => Dumpable.Reach(thread, () => ProcPath.Directory(thread.Id))) is not { } name)
        {
            tracer.Resume(thread);
            return;
        }

        int taken = ProgramDescriptor.Take(thread, (int)r.Rdi, out bool isSameFile);
        Errno error = taken < 0 ? (Errno)(-taken) : isSameFile ? HostKernel.ConnectAbstract(taken, name) : Errno.ECONNREFUSED;
        if (taken >= 0)
        {
            HostKernel.Close(taken);
        }

        SystemCalls.Answer(tracer, thread, -(long)error);
    }
}
