using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Devices;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>mprotect where the device is concerned, or what can be executed then.</summary>
internal sealed class ProtectMemory(ISgxDriver driver, DeviceFiles files)
{

    /// <summary>mprotect of a range with device mappings in it.</summary>
    public Answer Protect(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        (ulong start, ulong length, int protection) = (r.Rdi, HostPage.Whole(r.Rsi), (int)r.Rdx);
        ulong end = start + length;
        AddressSpace space = thread.Space;
        List<EnclaveMapping> parts = HostPage.IsMultiple(start) && end > start ? space.Mappings.Within(start, end) : [];
        if (parts.Count == 0)
        {
            return PassExecutable(thread, start, length);
        }

        // The kernel goes from mapping to mapping and stops at the first that refuses; what it did before stays.
        // mm/mprotect.c, do_mprotect_pkey.
        (ulong number, ulong key) = (r.OrigRax, r.R10);
        ulong at = start;
        long result = 0;
        for (int i = 0; i <= parts.Count && result == 0; i++)
        {
            ulong gapEnd = i < parts.Count ? parts[i].Start : end;
            if (gapEnd > at)
            {
                result = Call(at, gapEnd, protection);
                space.InElrange.Note(files.All, space, at, gapEnd - at);
            }

            if (i < parts.Count && result == 0)
            {
                result = ProtectPart(parts[i]);
                at = parts[i].End;
            }
        }

        return Answer.Made(result);

        long ProtectPart(EnclaveMapping part)
        {
            const int access = MemoryProtection.Read | MemoryProtection.Write | MemoryProtection.Execute;
            bool refused = (protection & MemoryProtection.Write) != 0 && !part.File.Allows(MemoryProtection.Write);
            long verdict = part.IsSealed ? -(long)Errno.EPERM : refused ? -(long)Errno.EACCES : part.File.Enclave is { } enclave
                ? driver.Mprotect(enclave, space, new LinearAddress(part.Start), new LinearAddress(part.End),
                (Protection)(protection & access), Personality.ReadImpliesExecute(thread)) : 0;

            // The rest of the bits, and the key, are the kernel's to judge.
            int native = (protection & ~access) | (space.HidesEnclaves || space.Native.ByProtection ? MemoryProtection.None
                : protection & (access & ~MemoryProtection.Execute));
            verdict = verdict != 0 ? verdict : Call(part.Start, part.End, native);
            if (verdict == 0)
            {
                space.Protect(part, protection & access);
            }

            return verdict;
        }

        long Call(ulong from, ulong to, int bits) => new RemoteCalls().Add((long)number, from, to - from, (ulong)bits, key).Run(thread)[0];
    }

    /// <summary>Lets an mprotect to executable pass and looks for CPUID in what it made executable.</summary>
    private Answer PassExecutable(TracedThread thread, ulong start, ulong length)
    {
        bool executable = ((int)thread.Peek().Rdx & MemoryProtection.Execute) != 0;
        bool concerned = ElrangeMemory.Concerns(files.All, thread.Space, start, length);
        if (!executable && !concerned)
        {
            return Answer.Pass;
        }

        return Answer.PassThen(t =>
        {
            if (executable && (long)t.Peek().Rax == 0)
            {
                CpuidPatcher.PatchAnonymous(t.Space, start, length);
            }

            t.Space.InElrange.IsStale |= concerned;
        });
    }
}
