using Cloister.Engine.Devices;
using Cloister.Engine.Memory;
using Cloister.Engine.Observers;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>Tells the observer of system calls about mappings of the device.</summary>
internal static class MappingCalls
{
    /// <summary>What a thread is about to do to mappings of the device; null for nothing, or when nobody listens.</summary>
    public static MappingCall? Of(IEngineObserver observer, DeviceFiles files, TracedThread thread)
    {
        if (ReferenceEquals(observer, IEngineObserver.Silent) || thread.Processor.EnclaveMode)
        {
            return null;
        }

        ref readonly UserRegisters r = ref thread.Peek();
        if ((long)r.OrigRax is SystemCall.Open or SystemCall.Openat && thread.Space.Memory.TryReadString(r.OrigRax == SystemCall.Open
            ? r.Rdi : r.Rsi) is { Length: > 0 } path)
        {
            observer.FileOpening(thread, path);
            return null;
        }

        (string Name, int Protection)? known = (long)r.OrigRax switch
        {
            SystemCall.Mmap => ("mmap", (int)r.Rdx),
            SystemCall.Mprotect => ("mprotect", (int)r.Rdx),
            SystemCall.PkeyMprotect => ("pkey_mprotect", (int)r.Rdx),
            SystemCall.Munmap => ("munmap", 0),
            SystemCall.Mremap => ("mremap", 0),
            SystemCall.Madvise => ("madvise", (int)r.Rdx),
            _ => null,
        };
        if (known is not var (name, protection))
        {
            return null;
        }

        EnclaveFile? file = name == "mmap" && ((int)r.R10 & MemoryProtection.Anonymous) == 0 ? files.Find(thread, (int)r.R8) : null;
        if (file is null)
        {
            List<EnclaveMapping> parts = thread.Space.Mappings.Within(r.Rdi, r.Rdi + r.Rsi < r.Rdi ? ulong.MaxValue : r.Rdi + r.Rsi);
            if (parts.Count == 0)
            {
                return null;
            }

            file = parts[0].File;
        }

        return new MappingCall(name, r.Rdi, r.Rsi, protection, file.Enclave?.Eid ?? 0);
    }

    /// <summary>The answer to such a call, with the observer told at its end.</summary>
    public static Answer Told(IEngineObserver observer, TracedThread thread, MappingCall call, Answer answer)
    {
        if (answer.IsMade)
        {
            observer.MappingCalled(thread, in call, answer.Result);
            return answer;
        }

        if (!answer.RunsOn || answer.Signal != 0)
        {
            return answer;
        }

        Action<TracedThread>? then = answer.Then;
        return Answer.PassThen(t =>
        {
            then?.Invoke(t);
            observer.MappingCalled(t, in call, (long)t.Peek().Rax);
        });
    }
}
