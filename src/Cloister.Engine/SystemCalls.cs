using System.Runtime.InteropServices;
using Cloister.Driver;
using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>The system calls that the filters send to the tracer.</summary>
internal sealed class SystemCalls(Tracer tracer)
{
    private const int AtEmptyPath = 0x1000;
    private readonly SpecialFiles _special = new(tracer);
    private readonly NodeOperations _nodes = new(tracer);
    private readonly ExecuteDirtyKeys _keys = new(tracer);
    private readonly OwnFilters _filters = new(tracer);

    /// <summary>Answers the stop of a thread before its system call.</summary>
    public void Handle(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        if (thread.Processor.EnclaveMode)
        {
            tracer.Exceptions.SystemCallInside(thread);
            return;
        }

        if (thread.Space.Table is null)
        {
            // A program whose memory this process may not reach: it runs without the machine.
            tracer.Resume(thread);
            return;
        }

        if (_filters.EndsStrict(thread) || _filters.Refuses(thread))
        {
            return;
        }

        switch ((long)r.OrigRax)
        {
            case SystemCall.Ioctl:
                Ioctl(thread);
                break;
            case SystemCall.Mmap:
                Map(thread);
                break;
            case SystemCall.Mprotect or SystemCall.PkeyMprotect:
                Mappings.Protect(tracer, thread);
                break;
            case SystemCall.Munmap:
                Mappings.Unmap(tracer, thread);
                break;
            case SystemCall.Mremap:
                Mappings.Remap(tracer, thread);
                break;
            case SystemCall.Madvise:
                Advice.Advise(tracer, thread);
                break;
            case SystemCall.ProcessMadvise:
                Advice.AdviseProcess(tracer, thread);
                break;
            case SystemCall.Mlock:
                MemoryLocks.Lock(tracer, thread, 0);
                break;
            case SystemCall.Mlock2:
                MemoryLocks.Lock(tracer, thread, r.Rdx);
                break;
            case SystemCall.Mlockall:
                MemoryLocks.LockAll(tracer, thread);
                break;
            case SystemCall.Msync:
                RangeCalls.Synchronize(tracer, thread);
                break;
            case SystemCall.Mincore:
                RangeCalls.TellResidence(tracer, thread);
                break;
            case SystemCall.RemapFilePages:
                RangeCalls.RemapFilePages(tracer, thread);
                break;
            case SystemCall.Close or SystemCall.Dup2 or SystemCall.Dup3:
                Close(thread, (int)(r.OrigRax == SystemCall.Close ? r.Rdi : r.Rsi));
                break;
            case SystemCall.CloseRange:
                thread.AtSystemCallExit = tracer.Files.CheckLifetimes;
                tracer.Resume(thread);
                break;
            case SystemCall.Fstat:
                _special.Fstat(thread, (int)r.Rdi, r.Rsi);
                break;
            case SystemCall.Newfstatat when ((int)r.R10 & AtEmptyPath) != 0 && _special.Fstatat(thread):
                break;
            case SystemCall.SchedGetaffinity or SystemCall.SchedSetaffinity:
                tracer.Cores.Release(r.Rdi == 0 ? thread.Id : (int)r.Rdi);
                tracer.Resume(thread);
                break;
            case SystemCall.Ftruncate or SystemCall.Fallocate or SystemCall.Flock or SystemCall.Fsync or SystemCall.Fdatasync or SystemCall.Fcntl
                or SystemCall.Pread64 or SystemCall.Pwrite64 or SystemCall.Preadv or SystemCall.Pwritev or SystemCall.Preadv2 or SystemCall.Pwritev2:
                _nodes.Handle(thread);
                break;
            case SystemCall.Shmat:
                Mappings.Attach(tracer, thread);
                break;
            case SystemCall.RtSigaction:
                Sigaction(thread);
                break;
            case SystemCall.Wait4 or SystemCall.Waitid:
                tracer.Waits.TakeAll();
                tracer.Resume(thread);
                break;
            case SystemCall.RtSigprocmask or SystemCall.RtSigreturn:
                thread.AtSystemCallExit = ForcedSignals.NoteMask;
                tracer.Resume(thread);
                break;
            case SystemCall.AddKey:
                _keys.Add(thread);
                break;
            case SystemCall.Seccomp:
                _filters.Seccomp(thread);
                break;
            case SystemCall.Connect:
                _special.Connect(thread);
                break;
            case SystemCall.Prctl:
                _filters.Prctl(thread);
                break;
            default:
                _special.ByPath(thread);
                break;
        }
    }

    // A number is about to be closed, or to mean another file.
    private void Close(TracedThread thread, int descriptor)
    {
        if (tracer.Files.Find(thread, descriptor) is not null)
        {
            thread.AtSystemCallExit = tracer.Files.CheckLifetimes;
        }

        tracer.Resume(thread);
    }

    /// <summary>Ends a system call that the tracer has made itself.</summary>
    public static void Answer(Tracer tracer, TracedThread thread, long result)
    {
        ref UserRegisters r = ref thread.Registers;
        if (result == -(long)Driver.Errno.ERESTARTSYS)
        {
            ulong number = r.OrigRax;
            r.OrigRax = ulong.MaxValue;
            thread.AtSystemCallExit = t => CallRestart.Leave(t, number, result);
            tracer.Resume(thread);
            return;
        }

        r.OrigRax = ulong.MaxValue;
        r.Rax = unchecked((ulong)result);
        tracer.Resume(thread);
    }

    private void Ioctl(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        EnclaveFile? file = tracer.Files.Find(thread, (int)r.Rdi);
        if (file is null)
        {
            RangeCalls.Watch(tracer, thread);
            return;
        }

        tracer.Files.Join(thread);
        tracer.PowerLoss.CountIoctl();
        var caller = new IoctlCaller(tracer, thread);
        IoctlOperation? operation = file switch
        {
            { Enclave: { } enclave } => tracer.Driver.Ioctl(enclave, (uint)r.Rsi, r.Rdx, caller),
            { VirtualEpc: { } virtualEpc } => tracer.Driver.Ioctl(virtualEpc, (uint)r.Rsi, r.Rdx, caller),
            _ => null,
        };
        if (operation is null)
        {
            Answer(tracer, thread, -(long)Linux.Errno.ENOTTY);
            return;
        }

        bool wasInitialized = file.Enclave?.IsInitialized ?? true;
        tracer.Ioctls.Begin(new RunningIoctl(thread, caller, operation, _ =>
        {
            if (!wasInitialized && file.Enclave is { IsInitialized: true } enclave)
            {
                RefuseSystemCallsInside(thread, enclave);
            }

            if (tracer.Driver.BindsToMapping)
            {
                RefuseSystemCallsInside(thread);
            }

            thread.Space.InElrange.IsStale |= !wasInitialized && (tracer.Driver.BindsToMapping || file.Enclave is { IsInitialized: true });
        }));
    }

    private static void RefuseSystemCallsInside(TracedThread thread, SgxEnclave enclave) =>
        CallsInside.Refuse(thread, enclave.Base.Value, enclave.Size);

    // Which enclave a call was on is known by an address in its argument: those that were initialized since are found.
    private static void RefuseSystemCallsInside(TracedThread thread)
    {
        foreach (EnclaveMapping mapping in thread.Space.Mappings.All.ToArray())
        {
            if (mapping.File is { RefusesSystemCalls: false, Enclave: { IsInitialized: true } enclave } file)
            {
                file.RefusesSystemCalls = true;
                RefuseSystemCallsInside(thread, enclave);
            }
        }
    }

    /// <summary>Adds a seccomp filter to all threads of a process.</summary>
    public static void InstallFilter(TracedThread thread, byte[] program)
    {
        const ulong setModeFilter = 1, threadSync = 1, setNoNewPrivileges = 38;
        byte[] data = new byte[16 + program.Length];
        BitConverter.TryWriteBytes(data.AsSpan(0), (ushort)(program.Length / 8));
        BitConverter.TryWriteBytes(data.AsSpan(8), RemoteCalls.DataAddress + 16);
        program.CopyTo(data, 16);
        long result = new RemoteCalls().WithData(data).Add(SystemCall.Seccomp, setModeFilter, threadSync, RemoteCalls.DataAddress).Run(thread)[0];
        if (result == -(long)Linux.Errno.EACCES)
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

    private void Map(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        bool anonymous = ((int)r.R10 & MemoryProtection.Anonymous) != 0;
        if (!anonymous && tracer.Files.Find(thread, (int)r.R8) is { } file)
        {
            if (file.Node == DeviceNode.Enclave && tracer.Driver.BindsToMapping)
            {
                tracer.Files.Join(thread);
                BoundMappings.Map(tracer, thread);
                return;
            }

            tracer.Files.Join(thread);
            Mappings.Map(tracer, thread, file);
            return;
        }

        Action<TracedThread, long>? then = null;
        if (!anonymous && ((int)r.Rdx & MemoryProtection.Execute) != 0)
        {
            (ulong length, int descriptor, ulong offset) = (r.Rsi, (int)r.R8, r.R9);
            then = (t, address) =>
            {
                if (address > 0)
                {
                    CpuidPatcher.PatchFile(t.Space, (ulong)address, length, ProcPath.OfDescriptor(t.Id, descriptor), offset);
                }
            };
        }

        Mappings.MapOver(tracer, thread, then);
    }

    private void Sigaction(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        int signal = (int)r.Rdi;
        if (r.Rsi != 0)
        {
            SignalAction action = default;
            if (thread.Space.Memory.TryRead(r.Rsi, MemoryMarshal.AsBytes(new Span<SignalAction>(ref action))))
            {
                thread.AtSystemCallExit = t =>
                {
                    if (t.Peek().Rax == 0)
                    {
                        t.Process.Actions[signal] = action;
                    }
                };
            }
        }

        tracer.Resume(thread);
    }
}
