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

/// <summary>What is done about the system calls that stop.</summary>
internal sealed class SystemCallHandlers(
    EngineOptions options, ISgxDriver driver, EpcMemory epc, CpuidEmulator cpuid, DeviceFiles files, RunningIoctls ioctls,
    Processes processes, IPlatform platform,
    Exceptions exceptions, RealMappings real, MappingPlacement placement, PlannedLosses losses, ByteReplacer replacer)
{
    private const int AtEmptyPath = 0x1000; // uapi linux/fcntl.h
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

        return SystemCallTable.Find((long)r.OrigRax)?.Handler(this, thread) ?? Answer.Pass;
    }

    /// <summary>A call that names a file by a path.</summary>
    public Answer ByPath(TracedThread thread) => _special.ByPath(thread);

    /// <summary>newfstatat, which may name a file by its descriptor.</summary>
    public Answer StatAt(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        return ((int)r.R10 & AtEmptyPath) != 0 && SpecialFiles.HasEmptyPath(thread) ? _special.Fstat(thread, (int)r.Rdi, r.Rdx)
            : ByPath(thread);
    }

    /// <summary>fstat.</summary>
    public Answer Stat(TracedThread thread) => _special.Fstat(thread, (int)thread.Peek().Rdi, thread.Peek().Rsi);

    /// <summary>connect.</summary>
    public Answer Connect(TracedThread thread) => _special.Connect(thread);

    /// <summary>mprotect and pkey_mprotect.</summary>
    public Answer Protect(TracedThread thread) => _protect.Protect(thread);

    /// <summary>munmap.</summary>
    public Answer Unmap(TracedThread thread) => _unmap.Unmap(thread);

    /// <summary>mremap.</summary>
    public Answer Remap(TracedThread thread) => _unmap.Remap(thread);

    /// <summary>shmat.</summary>
    public Answer Attach(TracedThread thread) => _unmap.Attach(thread);

    /// <summary>madvise.</summary>
    public Answer Advise(TracedThread thread) => Advice.Advise(driver, thread);

    /// <summary>process_madvise.</summary>
    public Answer AdviseProcess(TracedThread thread) => Advice.AdviseProcess(driver, processes.Threads, thread);

    /// <summary>What is done with an open file of the device.</summary>
    public Answer OnNode(TracedThread thread) => _nodes.Handle(thread);

    /// <summary>add_key.</summary>
    public Answer AddKey(TracedThread thread) => _keys.Add(thread);

    /// <summary>close_range.</summary>
    public Answer CloseRange(TracedThread thread) => Answer.PassThen(files.CheckLifetimes);

    /// <summary>What asks for a thread's affinity, or sets it: the platform may have changed it.</summary>
    public Answer Affinity(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        platform.ReleaseAffinity(r.Rdi == 0 ? thread.Id : (int)r.Rdi);
        return Answer.Pass;
    }

    /// <summary>A wait that does not wait: what has ended the platform must have taken.</summary>
    public Answer Wait(TracedThread thread)
    {
        platform.TakeAll();
        return Answer.Pass;
    }

    /// <summary>What changes a thread's signal mask.</summary>
    public Answer Mask(TracedThread thread) => Answer.PassThen(t => platform.NoteMask(t.Held));

    /// <summary>A number is about to be closed, or to mean another file.</summary>
    public Answer Close(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        int descriptor = (int)(r.OrigRax == SystemCall.Close ? r.Rdi : r.Rsi);
        return files.Find(thread, descriptor) is null ? Answer.Pass : Answer.PassThen(files.CheckLifetimes);
    }

    /// <summary>ioctl.</summary>
    public Answer Ioctl(TracedThread thread)
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

            bool isBound = driver.Legacy is { BindsToMapping: true };
            if (isBound)
            {
                RefuseSystemCallsInside(thread);
            }

            thread.Space.InElrange.IsStale |= !wasInitialized && (isBound || file.Enclave is { IsInitialized: true });
            files.CheckLifetime(file);
        }));
        return Answer.Stand;
    }

    private void RefuseSystemCallsInside(TracedThread thread, IOpenEnclave enclave) =>
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

    /// <summary>mmap.</summary>
    public Answer Map(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        bool anonymous = ((int)r.R10 & MemoryProtection.Anonymous) != 0;
        if (!anonymous && files.Find(thread, (int)r.R8) is { } file)
        {
            if (file.Node == DeviceNode.Enclave && driver.Legacy is { BindsToMapping: true })
            {
                files.Join(thread);
                return new BoundMappings(driver, files, _mapDevice, placement).Map(thread);
            }

            files.Join(thread);
            return _mapDevice.Map(thread, file);
        }

        Action<TracedThread, long>? then = null;
        bool isCode = ((int)r.Rdx & MemoryProtection.Execute) != 0;
        if (!anonymous && (isCode || replacer.IsAsked))
        {
            (ulong length, int descriptor, ulong offset) = (r.Rsi, (int)r.R8, r.R9);
            then = (t, address) =>
            {
                if (address > 0 && isCode)
                {
                    CpuidPatcher.PatchFile(t.Space, (ulong)address, length, ProcPath.OfDescriptor(t.Id, descriptor), offset);
                }

                if (address > 0 && replacer.IsAsked)
                {
                    replacer.Mapped(t, (ulong)address);
                }
            };
        }

        return _unmap.MapOver(thread, then);
    }

    /// <summary>rt_sigaction of a signal that stops of ours use.</summary>
    public static Answer Sigaction(TracedThread thread)
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
