using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Engine.Platforms;
using Cloister.Engine.Stubs;
using Cloister.Processor;

namespace Cloister.Engine.Fast;

/// <summary>The TCSs that threads enter and resume by themselves: their entries in the tables, and what the model makes of them.</summary>
/// <param name="tables">Where the entries lie.</param>
/// <param name="awaitedIn">The address of the <see cref="AwaitedPages"/> of the enclave at a base, or 0.</param>
/// <param name="resumes">Whether threads resume by themselves.</param>
internal sealed class TcsTable(FastTables tables, Func<ulong, ulong> awaitedIn, bool resumes = true)
{
    private const ulong Restorable =
        0xe7; // x87, SSE, AVX and AVX-512: what XRSTOR may load without more ado. SDM 1, "XSAVE-Supported Features"
    private const uint MostFrames = 16, MostFramePages = 16; // of a state save area that threads enter and resume by themselves with

    private readonly Dictionary<int, TcsPlace> _places = [];
    private readonly HashSet<ulong> _watched = [];
    private bool _resumed; // some thread made an ERESUME by itself that the model has not followed

    /// <summary>What the entry at an offset stands for, if that is a TCS still.</summary>
    public TcsPlace? PlaceAt(SgxMachine machine, int entry) =>
        _places.TryGetValue((entry - FastLayout.Table) / FastLayout.EntryLength, out TcsPlace place) && IsThere(machine, place)
        ? place : null;

    /// <summary>The offset of the entry of the TCS a thread is in. Where another TCS's thread holds its place the
    /// slot's spare serves, for this one time.</summary>
    public int EntryFor(SgxMachine machine, LogicalProcessor processor, int slot)
    {
        int index = FastLayout.IndexOf(processor.Tcs.Value);
        int entry = Offset(index);
        uint number = (uint)slot + 1;
        uint before = Interlocked.CompareExchange(ref MemoryMarshal.AsRef<uint>(tables.Slice(entry + FastLayout.EntryBusy, 4)), number, 0);
        if (before != 0 && before != number)
        {
            return FastTables.Slot(slot) + FastLayout.SlotSpare;
        }

        if (!_places.TryGetValue(index, out TcsPlace known))
        {
            Tail.Assemble(index).CopyTo(tables.Slice(FastLayout.Tails + index * FastLayout.TailLength, FastLayout.TailLength));
        }

        if (known.Page != processor.TcsPage || known.Tcs != processor.Tcs.Value)
        {
            _places[index] = new TcsPlace(processor.Tcs.Value, processor.TcsPage, 0, 0);
        }

        Refresh(machine, index);
        return entry;
    }

    /// <summary>Writes what a fast entry needs to know of the TCS of the entry at an offset, as it is now. Nothing to
    /// do for a slot's spare.</summary>
    public void Refresh(SgxMachine machine, ulong entry)
    {
        if (entry >= FastLayout.Table)
        {
            Refresh(machine, (int)(entry - FastLayout.Table) / FastLayout.EntryLength);
        }
    }

    /// <summary>Whether a slot has taken a TCS.</summary>
    public bool IsTaken(int slot)
    {
        foreach (int index in _places.Keys)
        {
            if (tables.ReadU32(Offset(index) + FastLayout.EntryBusy) == (uint)slot + 1)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Frees the TCS that a slot has taken, if any.</summary>
    public void Free(int slot)
    {
        foreach (int index in _places.Keys)
        {
            int busy = Offset(index) + FastLayout.EntryBusy;
            if (tables.ReadU32(busy) == (uint)slot + 1)
            {
                tables.WriteU32(busy, 0);
            }
        }
    }

    /// <summary>Looks whether a thread made an ERESUME by itself.</summary>
    public void NoteResumes(FastThread thread)
    {
        ulong resumes = tables.ReadU64(FastTables.Slot(thread.Slot) + FastLayout.SlotResumes);
        _resumed |= resumes != thread.Resumes;
        thread.Resumes = resumes;
    }

    /// <summary>The model follows all ERESUMEs that threads made by themselves: CSSA went down. Between exits and entries.</summary>
    public void FollowResumes(SgxMachine machine)
    {
        if (!_resumed)
        {
            return;
        }

        _resumed = false;
        foreach ((int index, TcsPlace place) in _places)
        {
            int cssa = Offset(index) + FastLayout.EntryCssa;
            ulong value = tables.ReadU64(cssa);
            if (value >> 32 != 0)
            {
                if (IsThere(machine, place))
                {
                    ref Tcs tcs = ref MemoryMarshal.AsRef<Tcs>(machine.Memory[place.Page]);
                    tcs.Cssa -= Math.Min(tcs.Cssa, (uint)(value >> 32));
                }

                tables.WriteU64(cssa, (uint)value);
            }
        }
    }

    /// <summary>The page at an address changed in the EPCM: a TCS or a state save area there sends entries to the tracer.</summary>
    public void Invalidate(ulong page)
    {
        if (_watched.Contains(page))
        {
            Invalidate(page, page + 4096);
        }
    }

    /// <summary>The program changed a mapping: a TCS or a state save area there sends entries to the tracer.</summary>
    public void Invalidate(ulong start, ulong end)
    {
        foreach ((int index, TcsPlace place) in _places)
        {
            if ((place.Tcs >= start && place.Tcs < end) || (place.Frames < end && start < place.Frames + place.FramesLength))
            {
                tables.WriteU64(Offset(index) + FastLayout.EntryTcs, 0);
            }
        }
    }

    // Writes what a fast entry needs to know of a TCS, as it is now; not legal for one means no fast entry.
    private void Refresh(SgxMachine machine, int index)
    {
        if (!_places.TryGetValue(index, out TcsPlace known))
        {
            return;
        }

        (ulong address, EpcPage page, _, _) = known;
        int entry = Offset(index);
        ref readonly EpcmEntry epcm = ref machine.Epcm[page];
        if (!epcm.Valid || epcm.PageType != PageType.Tcs || epcm.Blocked || epcm.Pending || epcm.Modified
            || epcm.EnclaveAddress.Value != address)
        {
            tables.WriteU64(entry + FastLayout.EntryTcs, 0);
            return;
        }

        ref readonly Tcs tcs = ref MemoryMarshal.AsRef<Tcs>(machine.Memory[page]);
        ref readonly Secs secs = ref MemoryMarshal.AsRef<Secs>(machine.Memory[epcm.EnclaveSecs]);
        if (secs.SsaFrameSize > MostFramePages)
        {
            tables.WriteU64(entry + FastLayout.EntryTcs, 0);
            return;
        }

        ulong frameLength = secs.SsaFrameSize * 4096UL, frames = secs.BaseAddr + tcs.Ossa;
        uint nssa = Math.Min(tcs.Nssa, MostFrames);
        int xsavePages = (machine.Options.Xsave.SizeOf(secs.Attributes.Xfrm) + 4095) / 4096;
        bool canResume = resumes && (secs.Attributes.Xfrm & ~Restorable) == 0 && tcs.Cssa <= nssa && !tcs.Flags.HasFlag(TcsFlags.AexNotify);
        tables.WriteU32(entry + FastLayout.EntryNssa, nssa);
        tables.WriteU64(entry + FastLayout.EntryCssa, tcs.Cssa);
        tables.WriteU64(entry + FastLayout.EntryFsBase, secs.BaseAddr + tcs.Ofsbase);
        tables.WriteU64(entry + FastLayout.EntryGsBase, secs.BaseAddr + tcs.Ogsbase);
        tables.WriteU64(entry + FastLayout.EntryFrame, frames);
        tables.WriteU64(entry + FastLayout.EntryFrameLength, frameLength);
        tables.WriteU32(entry + FastLayout.EntryXsaveLength, (uint)Math.Min(xsavePages, (int)secs.SsaFrameSize - 1) * 4096);
        tables.WriteU64(entry + FastLayout.EntryXfrm, canResume ? secs.Attributes.Xfrm : 0);
        tables.WriteU64(entry + FastLayout.EntryAwaited, awaitedIn(secs.BaseAddr));
        ulong tail = Area.Fast + FastLayout.Tails + (ulong)index * FastLayout.TailLength;
        tables.WriteU64(entry + FastLayout.EntryTail, tail);
        tables.WriteU64(entry + FastLayout.EntryResumeTail, tail + FastLayout.ResumeTail);
        int target = FastLayout.Tails + index * FastLayout.TailLength + Tail.Target;
        if (tables.ReadU64(target) != secs.BaseAddr + tcs.Oentry)
        {
            tables.WriteU64(target, secs.BaseAddr + tcs.Oentry);
        }

        Watch(index, new TcsPlace(address, page, frames, nssa * frameLength));
        tables.WriteU64(entry + FastLayout.EntryTcs, address);
    }

    private void Watch(int index, in TcsPlace place)
    {
        if (_places[index] == place)
        {
            return;
        }

        _places[index] = place;
        _watched.Add(place.Tcs);
        for (ulong page = 0; page < place.FramesLength; page += 4096)
        {
            _watched.Add(place.Frames + page);
        }
    }

    // Its page may be another's by now.
    private static bool IsThere(SgxMachine machine, in TcsPlace place) =>
        machine.Epcm[place.Page] is { Valid: true, PageType: PageType.Tcs } entry && entry.EnclaveAddress.Value == place.Tcs;

    private static int Offset(int index) => FastLayout.Table + index * FastLayout.EntryLength;
}

/// <summary>What an entry of the table stands for.</summary>
/// <param name="Tcs">Where the TCS is.</param>
/// <param name="Page">Its page.</param>
/// <param name="Frames">Where its state save area begins.</param>
/// <param name="FramesLength">Bytes of that.</param>
internal readonly record struct TcsPlace(ulong Tcs, EpcPage Page, ulong Frames, ulong FramesLength);
