using System.Runtime.InteropServices;
using Cloister.Driver;
using Cloister.Engine.Devices;
using Cloister.Engine.Enclaves;
using Cloister.Engine.Instructions;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>The system calls that the filters send to the tracer.</summary>
internal sealed class SystemCallTable(
    EngineOptions options, SgxDriver driver, EpcMemory epc, CpuidEmulator cpuid, DeviceFiles files, RunningIoctls ioctls, Processes processes, IPlatform platform,
    Exceptions exceptions, RealMappings real, MappingPlacement placement, PlannedLosses losses)
{
    private const int AtEmptyPath = 0x1000;
    private readonly SpecialFiles _special = new(files, epc, cpuid, options);
    private readonly MapDevice _mapDevice = new(driver, files, real, placement);
    private readonly ProtectMemory _protect = new(driver, files);
    private readonly UnmapMemory _unmap = new(files, real);
    private readonly NodeOperations _nodes = new(files);
    private readonly ExecuteDirtyKeys _keys = new(driver);

    /// <summary>What is to become of a thread that stands before its system call.</summary>
    public Answer Handle(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        if (thread.Processor.EnclaveMode)
        {
            return exceptions.SystemCallInside(thread);
        }

        if (thread.Space.Table is null)
        {
            // A program whose memory this process may not reach: it runs without the machine.
            return Answer.Pass;
        }

        if ((OwnFilters.EndsStrict(thread) ?? OwnFilters.Refuses(thread)) is { } refused)
        {
            return refused;
        }

        switch ((long)r.OrigRax)
        {
            case SystemCall.Ioctl:
                return Ioctl(thread);
            case SystemCall.Mmap:
                return Map(thread);
            case SystemCall.Mprotect or SystemCall.PkeyMprotect:
                return _protect.Protect(thread);
            case SystemCall.Munmap:
                return _unmap.Unmap(thread);
            case SystemCall.Mremap:
                return _unmap.Remap(thread);
            case SystemCall.Madvise:
                return Advice.Advise(driver, thread);
            case SystemCall.ProcessMadvise:
                return Advice.AdviseProcess(driver, processes.Threads, thread);
            case SystemCall.Mlock:
                return MemoryLocks.Lock(thread, 0);
            case SystemCall.Mlock2:
                return MemoryLocks.Lock(thread, r.Rdx);
            case SystemCall.Mlockall:
                return MemoryLocks.LockAll(thread);
            case SystemCall.Msync:
                return RangeCalls.Synchronize(thread);
            case SystemCall.Mincore:
                return RangeCalls.TellResidence(thread);
            case SystemCall.RemapFilePages:
                return RangeCalls.RemapFilePages(thread);
            case SystemCall.Close or SystemCall.Dup2 or SystemCall.Dup3:
                return Close(thread, (int)(r.OrigRax == SystemCall.Close ? r.Rdi : r.Rsi));
            case SystemCall.CloseRange:
                return Answer.PassThen(files.CheckLifetimes);
            case SystemCall.Fstat:
                return _special.Fstat(thread, (int)r.Rdi, r.Rsi);
            case SystemCall.Newfstatat when ((int)r.R10 & AtEmptyPath) != 0 && SpecialFiles.HasEmptyPath(thread):
                return _special.Fstat(thread, (int)r.Rdi, r.Rdx);
            case SystemCall.SchedGetaffinity or SystemCall.SchedSetaffinity:
                platform.ReleaseAffinity(r.Rdi == 0 ? thread.Id : (int)r.Rdi);
                return Answer.Pass;
            case SystemCall.Ftruncate or SystemCall.Fallocate or SystemCall.Flock or SystemCall.Fsync or SystemCall.Fdatasync or SystemCall.Fcntl
                or SystemCall.Pread64 or SystemCall.Pwrite64 or SystemCall.Preadv or SystemCall.Pwritev or SystemCall.Preadv2 or SystemCall.Pwritev2:
                return _nodes.Handle(thread);
            case SystemCall.Mseal:
                return Seals.Seal(thread);
            case SystemCall.Shmat:
                return _unmap.Attach(thread);
            case SystemCall.RtSigaction:
                return Sigaction(thread);
            case SystemCall.Wait4 or SystemCall.Waitid:
                platform.TakeAll();
                return Answer.Pass;
            case SystemCall.RtSigprocmask or SystemCall.RtSigreturn:
                return Answer.PassThen(t => platform.NoteMask(t.Held));
            case SystemCall.AddKey:
                return _keys.Add(thread);
            case SystemCall.Seccomp:
                return OwnFilters.Seccomp(thread);
            case SystemCall.Connect:
                return _special.Connect(thread);
            case SystemCall.Prctl:
                return OwnFilters.Prctl(thread);
            default:
                return _special.ByPath(thread);
        }
    }

    // A number is about to be closed, or to mean another file.
    private Answer Close(TracedThread thread, int descriptor)
    {
        return files.Find(thread, descriptor) is null ? Answer.Pass : Answer.PassThen(files.CheckLifetimes);
    }

    private Answer Ioctl(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        EnclaveFile? file = files.Find(thread, (int)r.Rdi);
        if (file is null)
        {
            return RangeCalls.Watch(thread);
        }

        files.Join(thread);
        losses.CountIoctl();
        var caller = new IoctlCaller(files, thread);
        IoctlOperation? operation = file switch
        {
            { Enclave: { } enclave } => driver.Ioctl(enclave, (uint)r.Rsi, r.Rdx, caller),
            { VirtualEpc: { } virtualEpc } => driver.Ioctl(virtualEpc, (uint)r.Rsi, r.Rdx, caller),
            _ => null,
        };
        if (operation is null)
        {
            return Answer.Made(-(long)Linux.Errno.ENOTTY);
        }

        bool wasInitialized = file.Enclave?.IsInitialized ?? true;
        ioctls.Begin(new RunningIoctl(thread, file, caller, operation, _ =>
        {
            if (!wasInitialized && file.Enclave is { IsInitialized: true } enclave)
            {
                RefuseSystemCallsInside(thread, enclave);
            }

            if (driver.BindsToMapping)
            {
                RefuseSystemCallsInside(thread);
            }

            thread.Space.InElrange.IsStale |= !wasInitialized && (driver.BindsToMapping || file.Enclave is { IsInitialized: true });
            files.CheckLifetime(file);
        }));
        return Answer.Stand;
    }

    private void RefuseSystemCallsInside(TracedThread thread, SgxEnclave enclave) =>
        platform.RefuseCalls(thread.Held, enclave.Base.Value, enclave.Size);

    // Which enclave a call was on is known by an address in its argument: those that were initialized since are found.
    private void RefuseSystemCallsInside(TracedThread thread)
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

    private Answer Map(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        bool anonymous = ((int)r.R10 & MemoryProtection.Anonymous) != 0;
        if (!anonymous && files.Find(thread, (int)r.R8) is { } file)
        {
            if (file.Node == DeviceNode.Enclave && driver.BindsToMapping)
            {
                files.Join(thread);
                return new BoundMappings(driver, files, _mapDevice, placement).Map(thread);
            }

            files.Join(thread);
            return _mapDevice.Map(thread, file);
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

        return _unmap.MapOver(thread, then);
    }

    private static Answer Sigaction(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        int signal = (int)r.Rdi;
        if (r.Rsi != 0)
        {
            SignalAction action = default;
            if (thread.Space.Memory.TryRead(r.Rsi, MemoryMarshal.AsBytes(new Span<SignalAction>(ref action))))
            {
                return Answer.PassThen(t =>
                {
                    if (t.Peek().Rax == 0)
                    {
                        t.Process.Actions[signal] = action;
                    }
                });
            }
        }

        return Answer.Pass;
    }
}
