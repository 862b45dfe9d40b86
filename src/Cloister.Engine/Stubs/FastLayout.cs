using Cloister.Engine.Fast;
using Cloister.Engine.Platforms;

namespace Cloister.Engine.Stubs;

/// <summary>The tables that the stubs in the program and the tracer share, one set for each address space, at
/// <see cref="Area.Fast"/>.</summary>
/// <remarks>
/// A thread knows its slot by the LDT selector in ES, which 64-bit code does not use: it is read in a cycle, no register or memory of
/// the program is needed for it, and the kernel keeps it over switches and signals.
/// </remarks>
internal static class FastLayout
{
    /// <summary>The gate: 0 sends every entry to the tracer.</summary>
    public const int Gate = 0;

    /// <summary>Strict isolation: u32, how many threads see the enclaves, 0 while they are hidden, <see cref="ViewChanges"/> while a thread
    /// changes that, and <see cref="ViewTaken"/> while the tracer may.</summary>
    public const int View = 64;

    /// <summary>Strict isolation: u32, how often threads may show the enclaves until one goes to the tracer, which looks what is of
    /// use.</summary>
    public const int ViewBudget = 68;

    /// <summary>What stands in <see cref="View"/> while a thread changes it.</summary>
    public const uint ViewChanges = 0x8000_0000;

    /// <summary>What stands there while no thread may change it.</summary>
    public const uint ViewTaken = 0xffff_ffff;

    /// <summary>Strict isolation: the mprotect calls that show enclaves, u64 each of address, length and protection; behind the last a
    /// length of 0.</summary>
    public const int ShowCalls = 128;

    /// <summary>Bytes of a call.</summary>
    public const int CallLength = 24;

    /// <summary>Calls at most.</summary>
    public const int MostCalls = 80;

    /// <summary>Strict isolation: those that hide them.</summary>
    public const int HideCalls = ShowCalls + (MostCalls + 1) * CallLength;

    /// <summary>First slot.</summary>
    public const int Slots = 0x1000;

    /// <summary>Bytes of a slot.</summary>
    public const int SlotLength = 512;

    /// <summary>Threads with a slot at most, per address space.</summary>
    public const int MaximumSlots = 4096;

    /// <summary>Slot: u32, 1 when the thread is inside.</summary>
    public const int SlotInside = 0;
    /// <summary>Slot: u32, number of the slot plus 1, which is what the thread writes into a TCS it takes.</summary>
    public const int SlotNumber = 4;
    /// <summary>Slot: u64, address of the TCS entry it is in.</summary>
    public const int SlotEntry = 8;
    /// <summary>Slot: u64, the host's FS base.</summary>
    public const int SlotFsBase = 16;
    /// <summary>Slot: u64, the host's GS base.</summary>
    public const int SlotGsBase = 24;
    /// <summary>Slot: u64, asynchronous exit pointer.</summary>
    public const int SlotAep = 32;
    /// <summary>Slot: u32, leaf number of the entry it is at.</summary>
    public const int SlotLeaf = 40;
    /// <summary>Slot: u64, fast entries so far, ERESUMEs among them.</summary>
    public const int SlotCount = 48;
    /// <summary>Slot: u64, fast ERESUMEs so far.</summary>
    public const int SlotResumes = 56;
    /// <summary>Slot: u32, 1 while the thread is at an EACCEPT.</summary>
    public const int SlotAccepting = 64;
    /// <summary>Slot: u32, pages it accepted that the tracer has not read yet.</summary>
    public const int SlotNotes = 68;
    /// <summary>Slot: u64, address of these notes.</summary>
    public const int SlotNotesAddress = 72;
    /// <summary>Slot: u64, the page of the EACCEPT it is at.</summary>
    public const int SlotPage = 80;
    /// <summary>Slot: u64, RDX at that EACCEPT.</summary>
    public const int SlotRdx = 88;
    /// <summary>Slot: u64, RSI at that EACCEPT.</summary>
    public const int SlotRsi = 96;
    /// <summary>Slot: u32, the flags at that EACCEPT: OF in the lowest byte, the others as LAHF gives them in the next.</summary>
    public const int SlotFlags = 104;
    /// <summary>Slot: u64, the enclave's FS base at the ERESUME it is at.</summary>
    public const int SlotResumeFsBase = 112;
    /// <summary>Slot: u64, the enclave's GS base at that ERESUME.</summary>
    public const int SlotResumeGsBase = 120;
    /// <summary>Slot: the first 144 bytes of the GPRSGX of that ERESUME, RAX to RIP.</summary>
    public const int SlotRegisters = 128;
    /// <summary>Slot: u64, where the calls that change the view go on. What they change is in the slot from here on.</summary>
    public const int SlotReturn = 272;
    /// <summary>Slot: u64, RDI meanwhile.</summary>
    public const int SlotRdi = 280;
    /// <summary>Slot: u64, R8 meanwhile.</summary>
    public const int SlotR8 = 288;
    /// <summary>Slot: u64, R9 meanwhile.</summary>
    public const int SlotR9 = 296;
    /// <summary>Slot: u64, R11 meanwhile.</summary>
    public const int SlotR11 = 304;
    /// <summary>Slot: u32, 1 while the thread leaves and may change the view.</summary>
    public const int SlotSwitching = 312;
    /// <summary>Slot: an entry of its own, for a TCS that found no place in the table.</summary>
    public const int SlotSpare = 384;

    /// <summary>First entry of the table of TCSs.</summary>
    public const int Table = Slots + MaximumSlots * SlotLength;

    /// <summary>log2 of the number of entries.</summary>
    public const int TableBits = 10;

    /// <summary>log2 of the bytes of an entry.</summary>
    public const int EntryBits = 7;

    /// <summary>Bytes of an entry.</summary>
    public const int EntryLength = 1 << EntryBits;

    /// <summary>Multiplier that spreads TCS page numbers over the table.</summary>
    public const ulong HashMultiplier = 0x9e37_79b9_7f4a_7c15;

    /// <summary>Entry: u64, address of the TCS, 0 when the entry is free.</summary>
    public const int EntryTcs = 0;
    /// <summary>Entry: u32, 0 when no thread is in it, else the number of the slot.</summary>
    public const int EntryBusy = 8;
    /// <summary>Entry: u32, NSSA.</summary>
    public const int EntryNssa = 12;
    /// <summary>Entry: u64, CSSA in the lower half, and in the upper how many ERESUMEs took it down since the tracer looked.</summary>
    public const int EntryCssa = 16;
    /// <summary>Entry: u64, the enclave's FS base.</summary>
    public const int EntryFsBase = 24;
    /// <summary>Entry: u64, the enclave's GS base.</summary>
    public const int EntryGsBase = 32;
    /// <summary>Entry: u64, address of the first state save area frame.</summary>
    public const int EntryFrame = 40;
    /// <summary>Entry: u64, address of the code that ends an EENTER.</summary>
    public const int EntryTail = 48;
    /// <summary>Entry: u64, address of the enclave's <see cref="AwaitedPages"/>, or 0.</summary>
    public const int EntryAwaited = 56;
    /// <summary>Entry: u64, XFRM; 0 sends every ERESUME to the tracer.</summary>
    public const int EntryXfrm = 64;
    /// <summary>Entry: u64, address of the code that ends an ERESUME.</summary>
    public const int EntryResumeTail = 72;
    /// <summary>Entry: u64, RSP of the ERESUME that a thread is at.</summary>
    public const int EntryResumeRsp = 80;
    /// <summary>Entry: u64, RIP of that ERESUME.</summary>
    public const int EntryResumeRip = 88;
    /// <summary>Entry: u64, bytes of a state save area frame.</summary>
    public const int EntryFrameLength = 96;
    /// <summary>Entry: u32, bytes from the start of a frame, in whole pages, that must be there beside the page of GPRSGX.</summary>
    public const int EntryXsaveLength = 104;

    /// <summary>Pages accepted, u64 each, of slot 0; those of the other slots follow.</summary>
    public const int Notes = Table + (EntryLength << TableBits);

    /// <summary>Pages that a thread can accept until the tracer must have read of them.</summary>
    public const int NotesLength = 256;

    /// <summary>Bytes that are readable and writable.</summary>
    public const int DataLength = Notes + MaximumSlots * NotesLength * sizeof(ulong);

    /// <summary>First tail: code, one for each entry of the table.</summary>
    public const int Tails = DataLength;

    /// <summary>Bytes of a tail: the end of an EENTER, and behind it that of an ERESUME.</summary>
    public const int TailLength = 128;

    /// <summary>Where in a tail the end of an ERESUME begins.</summary>
    public const int ResumeTail = 32;

    /// <summary>Bytes that are mapped at <see cref="Area.Fast"/>.</summary>
    public const int MappedLength = Tails + (TailLength << TableBits);

    /// <summary>Pages of stubs, which are mapped near the code that jumps to them.</summary>
    public const int Stubs = MappedLength;

    /// <summary>Bytes of the file.</summary>
    public const int FileLength = Stubs + 0x100000;

    /// <summary>LDT entry of slot 0.</summary>
    public const int FirstDescriptor = 4096;

    /// <summary>The selector of a slot: its LDT entry, with table indicator and user privilege.</summary>
    public static ulong Selector(int slot) => (ulong)(((FirstDescriptor + slot) << 3) | 7);

    /// <summary>Linear address of a slot.</summary>
    public static ulong SlotAddress(int slot) => Area.Fast + Slots + (ulong)slot * SlotLength;

    /// <summary>What is added to 64 times a selector to get its slot's address.</summary>
    public const ulong SlotBias = Area.Fast + Slots - ((FirstDescriptor << 3) | 7) * 64UL;

    /// <summary>Index in the table of a TCS.</summary>
    public static int IndexOf(ulong tcs) => (int)(unchecked((tcs >> 12) * HashMultiplier) >> (64 - TableBits));
}
