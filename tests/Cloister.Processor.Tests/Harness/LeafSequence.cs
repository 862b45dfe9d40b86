using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor.Encls;

namespace Cloister.Processor.Tests.Harness;

/// <summary>Executes leaves that numbers choose, with operands that numbers choose, on a machine with one enclave built.</summary>
internal sealed class LeafSequence
{
    private const int EpcPages = 24;
    private const int FirstSlot = 0;
    private readonly World world = new(pages: EpcPages);
    private readonly TestEnclave enclave;
    private readonly EpcPage versions;
    private readonly LogicalProcessor[] processors = [new(), new()];
    private readonly List<Evicted> evicted = [];
    private int nextSlot = FirstSlot;

    public LeafSequence()
    {
        enclave = TestEnclave.Built(world);
        versions = world.VersionArray();
    }

    private sealed record Evicted(EpcPage Va, int Slot, LinearAddress Address, byte[] Page, byte[] Pcmd, byte[] Plain,
        bool IsSecs, bool IsVa);

    public static int Leaves => 19;

    public Dictionary<string, int> Outcomes { get; } = [];

    /// <summary>Executes one leaf, and checks that the invariants hold and that a refusal changed nothing.</summary>
    public void Step(int leaf, int first, int second)
    {
        byte[] before = Snapshot();
        (string name, LeafResult result) = Execute(leaf % Leaves, first, second);
        string outcome = $"{name} {result.Status}";
        Outcomes[outcome] = Outcomes.GetValueOrDefault(outcome) + 1;
        if (!result.IsSuccess && result.Error != SgxError.VaSlotOccupied)
        {
            Assert.True(before.AsSpan().SequenceEqual(Snapshot()), $"{name} ended with {result} and changed something");
        }

        EpcmInvariants.Check(world, processors);
    }

    private (string Name, LeafResult Result) Execute(int leaf, int first, int second)
    {
        var page = new EpcPage(first % EpcPages);
        ulong offset = (ulong)(second % 16) * 0x1000;
        LinearAddress address = enclave.Base + offset;
        SgxMachine machine = world.Machine;
        LogicalProcessor processor = processors[second & 1];
        return leaf switch
        {
            0 => ("ECREATE",
                Ecreate.Execute(machine, World.Bytes(TestEnclave.LegalSecs(TestEnclave.DefaultBase + 0x100000)), default, page)),
            1 => ("EADD",
                Eadd.Execute(machine, new EpcPage(second % EpcPages), enclave.Base + 0x100000 + offset,
                    new Secinfo(SecinfoFlags.Reg | (SecinfoFlags)(second & 7)), new byte[4096], page)),
            2 => ("EAUG", Mapped(Eaug.Execute(machine, enclave.Secs, address, null, page), address, page)),
            3 => ("EREMOVE", Eremove.Execute(machine, page)),
            4 => ("EBLOCK", Eblock.Execute(machine, page)),
            5 => ("ETRACK", Etrack.Execute(machine, (second & 3) == 0 ? page : enclave.Secs)),
            6 => ("EWB", Evict(page, second)),
            7 => ("ELDU", Load(page, second, blocked: false)),
            8 => ("ELDB", Load(page, second, blocked: true)),
            9 => ("EMODPR", Emodpr.Execute(machine, page, new Secinfo((SecinfoFlags)(second & 7)))),
            10 => ("EMODT", Emodt.Execute(machine, page, new Secinfo((second & 4) != 0 ? SecinfoFlags.Tcs : SecinfoFlags.Trim))),
            11 => ("EPA", Epa.Execute(machine, page)),
            12 => ("EACCEPT", WithSecinfo(EncluLeaf.Eaccept, processor, address, Matching(address))),
            13 => ("EMODPE", WithSecinfo(EncluLeaf.Emodpe, processor, address, SecinfoFlags.Reg | (SecinfoFlags)(first & 7))),
            14 => ("EACCEPTCOPY", WithSecinfo(EncluLeaf.Eacceptcopy, processor, address, SecinfoFlags.Reg | (SecinfoFlags)(first & 7))),
            15 => ("EENTER", world.Enclu(EncluLeaf.Eenter, Tcs(first), 0x1000, 0, processor)),
            16 => ("EEXIT", world.Enclu(EncluLeaf.Eexit, 0x1000, 0, 0, processor)),
            17 => ("ERESUME", world.Enclu(EncluLeaf.Eresume, Tcs(first), 0x1000, 0, processor)),
            _ => Interrupt(processor),
        };
    }

    private ulong Tcs(int choice) => ((choice & 1) == 0 ? enclave.TcsAddress : enclave.SecondTcsAddress).Value;

    private LeafResult Mapped(LeafResult result, LinearAddress address, EpcPage page)
    {
        if (result.IsSuccess)
        {
            world.Memory.Map(address, page);
        }

        return result;
    }

    private (string Name, LeafResult Result) Interrupt(LogicalProcessor processor)
    {
        if (processor.EnclaveMode)
        {
            Aex.Execute(world.Machine, processor, world.Memory, world.ExtendedState, ExceptionVector.PageFault, 7, enclave.Base);
        }

        return ("AEX", LeafResult.Success);
    }

    /// <summary>What EACCEPT must say of the page that is mapped there.</summary>
    private SecinfoFlags Matching(LinearAddress address)
    {
        PageWalk walk = world.Memory.Walk(address, AccessKind.Read);
        return walk.Kind == PageWalkKind.Epc ? world.Epcm(walk.Page).SecinfoFlags : SecinfoFlags.Reg;
    }

    private LeafResult WithSecinfo(EncluLeaf leaf, LogicalProcessor processor, LinearAddress address, SecinfoFlags flags)
    {
        PageWalk walk = world.Memory.Walk(enclave.DataAddress, AccessKind.Read);
        bool usable = walk.Kind == PageWalkKind.Epc && world.Epcm(walk.Page) is { Valid: true, PageType: PageType.Reg }
            && world.Epcm(walk.Page).EnclaveAddress == enclave.DataAddress;
        ulong secinfo = enclave.DataAddress.Value + 0xf00;
        if (!usable)
        {
            return world.Enclu(leaf, secinfo, address.Value, enclave.MoreDataAddress.Value, processor);
        }

        // The enclave writes its SECINFO, the leaf reads it, and the bytes go back so that a refusal is seen to change nothing.
        Span<byte> place = world.Machine.Memory[walk.Page].Slice(0xf00, 64);
        byte[] saved = place.ToArray();
        MemoryMarshal.Write(place, new Secinfo(flags));
        LeafResult result = world.Enclu(leaf, secinfo, address.Value, enclave.MoreDataAddress.Value, processor);
        if (!result.IsSuccess)
        {
            saved.CopyTo(world.Machine.Memory[walk.Page][0xf00..]);
        }

        return result;
    }

    private LeafResult Evict(EpcPage page, int choice)
    {
        EpcmEntry entry = world.Epcm(page);
        (byte[] bytes, byte[] pcmd) = (new byte[4096], new byte[128]);
        byte[] plain = world.Machine.Memory[page].ToArray();
        int slot = (choice & 1) == 0 ? nextSlot % Ewb.Slots : choice % 4;
        LeafResult result = Ewb.Execute(world.Machine, page, versions, slot, bytes, pcmd, out LinearAddress address);
        if (result.IsSuccess || result.Error == SgxError.VaSlotOccupied)
        {
            nextSlot++;
            evicted.RemoveAll(other => other.Slot == slot);
            evicted.Add(
                new Evicted(versions, slot, address, bytes, pcmd, plain, entry.PageType == PageType.Secs, entry.PageType == PageType.Va));
        }

        return result;
    }

    private LeafResult Load(EpcPage page, int choice, bool blocked)
    {
        if (evicted.Count == 0)
        {
            return LeafResult.Success;
        }

        Evicted from = evicted[choice % evicted.Count];
        EpcPage secs = from.IsSecs || from.IsVa ? EpcPage.None : enclave.Secs;
        byte[] bytes = [.. from.Page];
        bool tampered = (choice & 0x100) != 0;
        if (tampered)
        {
            bytes[choice % 4096] ^= 1;
        }

        LeafResult result = blocked
            ? Eldb.Execute(world.Machine, secs, from.Address, bytes, from.Pcmd, from.Va, from.Slot, page)
            : Eldu.Execute(world.Machine, secs, from.Address, bytes, from.Pcmd, from.Va, from.Slot, page);
        Assert.False(tampered && result.IsSuccess, "A tampered page was loaded.");
        if (result.IsSuccess)
        {
            evicted.Remove(from);
            Assert.Equal(from.Plain, world.Machine.Memory[page].ToArray());
            if (!from.IsSecs && !from.IsVa)
            {
                world.Memory.Map(from.Address, page);
            }
        }

        return result;
    }

    private byte[] Snapshot()
    {
        byte[] snapshot = new byte[EpcPages * (4096 + 32)];
        for (int index = 0; index < EpcPages; index++)
        {
            EpcmEntry entry = world.Epcm(new EpcPage(index));
            world.Machine.Memory[new EpcPage(index)].CopyTo(snapshot.AsSpan(index * 4096));
            Span<byte> state = snapshot.AsSpan((EpcPages * 4096) + (index * 32), 32);
            MemoryMarshal.Write(state, (ulong)entry.SecinfoFlags);
            MemoryMarshal.Write(state[8..], entry.EnclaveAddress.Value);
            MemoryMarshal.Write(state[16..], entry.EnclaveSecs.Index);
            MemoryMarshal.Write(state[20..], entry.TrackEpoch);
            state[24] = (byte)((entry.Valid ? 1 : 0) | (entry.Blocked ? 2 : 0));
        }

        return snapshot;
    }
}
