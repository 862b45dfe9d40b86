using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Fast;
using Cloister.Engine.Memory;
using Cloister.Linux;
using Cloister.Processor;
using Cloister.Processor.Encls;
using Cloister.Processor.Enclu;

namespace Cloister.Engine.Debugging;

/// <summary>The memory of a process as its debugger sees it: what the program has there, whatever stands in its place.</summary>
/// <param name="machine">The processor.</param>
/// <param name="driver">Who lets an enclave be looked into.</param>
/// <param name="spaces">Where ENCLU is a jump.</param>
/// <param name="space">The memory.</param>
internal sealed class DebuggedMemory(SgxMachine machine, ISgxDriver driver, FastSpaces spaces, AddressSpace space)
{
    private readonly HashSet<ulong> _breakpoints = [];

    /// <summary>The memory.</summary>
    public AddressSpace Space { get; } = space;

    /// <summary>Reads as many bytes as can be read from the start; returns their number.</summary>
    /// <remarks>Enclave memory by EDBGRD, of enclaves that may be debugged only. Linux, sgx_vma_access.</remarks>
    public int Read(ulong address, Span<byte> into)
    {
        int done = 0;
        while (done < into.Length)
        {
            ulong at = address + (ulong)done;
            Span<byte> part = into.Slice(done, Math.Min(into.Length - done, HostPage.Size - HostPage.Offset(at)));
            bool read = InEnclave(at) is { } enclave ? ReadEnclave(enclave, at, part) : ReadHost(at, part);
            if (!read)
            {
                break;
            }

            RestoreEnclu(part, at);
            done += part.Length;
        }

        return done;
    }

    /// <summary>Writes. False when any byte cannot be written; those before it may be.</summary>
    public bool Write(ulong address, ReadOnlySpan<byte> from)
    {
        int done = 0;
        byte[] page = new byte[HostPage.Size];
        while (done < from.Length)
        {
            ulong at = address + (ulong)done;
            Span<byte> part = page.AsSpan(0, Math.Min(from.Length - done, HostPage.Size - HostPage.Offset(at)));
            from.Slice(done, part.Length).CopyTo(part);
            if (InEnclave(at) is { } enclave)
            {
                enclave.File.Planted.Cover(part, at);
                if (driver.Access(enclave.File.Enclave!, Space, new LinearAddress(at), part, write: true, Of(enclave)) != part.Length)
                {
                    return false;
                }
            }
            else
            {
                CoverCpuid(part, at);
                Space.Planted.Cover(part, at);
                if (!Space.Memory.TryPoke(at, part))
                {
                    return false;
                }
            }

            done += part.Length;
        }

        return true;
    }

    /// <summary>Reads the fields of a TCS; EDBGRD reads nothing behind them.</summary>
    public bool TryReadTcs(ulong address, out Tcs tcs)
    {
        tcs = default;
        Span<byte> fields = MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref tcs, 1))[..Edbgrd.TcsLimit];
        return Read(address, fields) == fields.Length;
    }

    /// <summary>Sets a breakpoint.</summary>
    /// <returns>False where no code can be.</returns>
    public bool Insert(ulong address)
    {
        if (!Plant(address))
        {
            return false;
        }

        _ = _breakpoints.Add(address);
        return true;
    }

    /// <summary>Takes one away; what is not there is no error.</summary>
    public void Remove(ulong address)
    {
        if (_breakpoints.Remove(address))
        {
            Space.Planted.Remove(address);
            (InEnclave(address)?.File)?.Planted.Remove(address);
        }
    }

    /// <summary>Takes all away.</summary>
    public void Clear()
    {
        foreach (ulong address in _breakpoints.ToArray())
        {
            Remove(address);
        }
    }

    /// <summary>Whether one was asked for at an address.</summary>
    public bool Has(ulong address) => _breakpoints.Contains(address);

    /// <summary>Whether INT3 stands at an address because of one.</summary>
    public static bool IsPlanted(AddressSpace space, ulong address) =>
        space.Mappings.Find(address) is { } mapping ? mapping.File.Planted.Contains(address) : space.Planted.Contains(address);

    /// <summary>A page of an enclave got its content. The driver is in the middle of that: it is not asked.</summary>
    public void Filled(EnclaveFile file, ulong page)
    {
        foreach (ulong address in _breakpoints)
        {
            if (HostPage.Start(address) == page && file.Enclave is { IsDebug: true } && Space.Mappings.Find(page)?.File == file
                && file.IllegalSites.At(address) is null)
            {
                _ = file.Planted.Plant(address);
            }
        }
    }

    // An instruction that is guarded, or stands as UD2, stops by that already: it must stay what it is to be found.
    private bool Plant(ulong address)
    {
        if (InEnclave(address) is not { } enclave)
        {
            return Space.Planted.Plant(address);
        }

        Span<byte> one = stackalloc byte[1];
        return enclave.File.Enclave!.IsDebug && ReadEnclave(enclave, address, one)
            && (enclave.File.IllegalSites.At(address) is not null || enclave.File.Planted.Plant(address));
    }

    private EnclaveMapping? InEnclave(ulong address) =>
        Space.Mappings.Find(address) is { File.Enclave.IsCreated: true } mapping ? mapping : null;

    private static Protection Of(EnclaveMapping mapping) => (Protection)mapping.Protection;

    private bool ReadEnclave(EnclaveMapping mapping, ulong at, Span<byte> part)
    {
        if (driver.Access(mapping.File.Enclave!, Space, new LinearAddress(at), part, write: false, Of(mapping)) != part.Length)
        {
            return false;
        }

        EpcPage page = driver.EpcPageAt(mapping.File.Enclave!, new LinearAddress(at));
        if (!page.IsNone && machine.Epcm[page].PageType == PageType.Reg)
        {
            mapping.File.Contents(mapping.OffsetOf(HostPage.Start(at))).Slice(HostPage.Offset(at), part.Length).CopyTo(part);
        }

        return true;
    }

    private bool ReadHost(ulong at, Span<byte> part)
    {
        if (!Space.Memory.TryPeek(at, part))
        {
            return false;
        }

        Space.Planted.Restore(part, at);
        foreach (ulong site in Space.CpuidSites)
        {
            if (site - at < (ulong)part.Length && part[(int)(site - at)] == CpuidPatcher.Halt)
            {
                part[(int)(site - at)] = CpuidPatcher.First;
            }
        }

        return true;
    }

    // Who writes back what is read there writes no CPUID that does not stop.
    private void CoverCpuid(Span<byte> part, ulong at)
    {
        foreach (ulong site in Space.CpuidSites)
        {
            ulong second = site + 1;
            if (site - at < (ulong)part.Length && part[(int)(site - at)] == CpuidPatcher.First
                && (second - at >= (ulong)part.Length || part[(int)(second - at)] == CpuidPatcher.Second))
            {
                part[(int)(site - at)] = CpuidPatcher.Halt;
            }
        }
    }

    // A jump to a stub stands there. The last byte is the program's own where the jump is a short one.
    private void RestoreEnclu(Span<byte> part, ulong at)
    {
        if (spaces.Of(Space) is not { } path)
        {
            return;
        }

        foreach (ulong site in path.PatchedSites)
        {
            for (int i = 0; i < EncluInstruction.Length; i++)
            {
                if (site + (ulong)i - at < (ulong)part.Length)
                {
                    part[(int)(site + (ulong)i - at)] = EncluInstruction.Opcode[i];
                }
            }
        }
    }
}
