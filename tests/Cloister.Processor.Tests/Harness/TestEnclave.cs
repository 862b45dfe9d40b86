using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor.Encls;

namespace Cloister.Processor.Tests.Harness;

/// <summary>
/// An enclave of 128 KiB: code at 0, data at 0x1000 and 0x2000, a TCS at 0x3000 with two frames at 0x4000,
/// a second TCS at 0x6000 with one frame at 0x7000, free addresses from 0x8000.
/// </summary>
internal sealed class TestEnclave
{
    public const ulong DefaultBase = 0x7000_0000_0000;
    public const ulong Size = 0x20000;
    public const ulong Entry = 0x10;
    public const ulong FsOffset = 0x1000;
    public const ulong GsOffset = 0x2000;
    public const ulong FreeOffset = 0x8000;

    private readonly World world;

    public TestEnclave(World world, Func<Secs, Secs>? change = null, ulong origin = DefaultBase)
    {
        this.world = world;
        Base = new LinearAddress(origin);
        Secs = world.FreePage();
        Secs secs = LegalSecs(origin);
        Expect.Success(Ecreate.Execute(world.Machine, World.Bytes(change?.Invoke(secs) ?? secs), default, Secs));
    }

    public EpcPage Secs { get; }

    public LinearAddress Base { get; }

    public EpcPage Code { get; private set; }

    public EpcPage Data { get; private set; }

    public EpcPage MoreData { get; private set; }

    public EpcPage Tcs { get; private set; }

    public EpcPage SecondTcs { get; private set; }

    public LinearAddress DataAddress => Base + 0x1000;

    public LinearAddress MoreDataAddress => Base + 0x2000;

    public LinearAddress TcsAddress => Base + 0x3000;

    public LinearAddress SecondTcsAddress => Base + 0x6000;

    public static Secs LegalSecs(ulong origin = DefaultBase) => new()
    {
        Size = Size,
        BaseAddr = origin,
        SsaFrameSize = 1,
        Miscselect = Miscselect.Exinfo,
        Attributes = new Attributes(AttributeFlags.Mode64Bit | AttributeFlags.Debug, 7),
    };

    public static Tcs LegalTcs(ulong frames = 0x4000, uint count = 2) => new()
    {
        Ossa = frames,
        Nssa = count,
        Oentry = Entry,
        Ofsbase = FsOffset,
        Ogsbase = GsOffset,
        Fslimit = 0xfff,
        Gslimit = 0xfff,
    };

    /// <summary>An initialised enclave.</summary>
    public static TestEnclave Built(World world, Func<Secs, Secs>? change = null, Func<Tcs, Tcs>? changeTcs = null,
        Func<Sigstruct, Sigstruct>? changeSigstruct = null, ulong origin = DefaultBase)
    {
        var enclave = new TestEnclave(world, change, origin);
        enclave.AddPages(changeTcs);
        Expect.Success(enclave.Init(changeSigstruct));
        return enclave;
    }

    public void AddPages(Func<Tcs, Tcs>? changeTcs = null)
    {
        Tcs tcs = LegalTcs();
        const SecinfoFlags Writable = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W;
        Code = Add(0, SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.X);
        Data = Add(0x1000, Writable);
        MoreData = Add(0x2000, Writable);
        Tcs = Add(0x3000, SecinfoFlags.Tcs, World.Bytes(changeTcs?.Invoke(tcs) ?? tcs));
        Add(0x4000, Writable);
        Add(0x5000, Writable);
        tcs = LegalTcs(0x7000, 1);
        SecondTcs = Add(0x6000, SecinfoFlags.Tcs, World.Bytes(changeTcs?.Invoke(tcs) ?? tcs));
        Add(0x7000, Writable);
    }

    public EpcPage Add(ulong offset, SecinfoFlags flags, byte[]? content = null)
    {
        EpcPage page = world.FreePage();
        byte[] source = new byte[4096];
        (content ?? [.. BitConverter.GetBytes(offset)]).CopyTo(source, 0);
        Expect.Success(Eadd.Execute(world.Machine, Secs, Base + offset, new Secinfo(flags), source, page));
        Expect.Success(Eextend.ExecutePage(world.Machine, page));
        world.Memory.Map(Base + offset, page);
        return page;
    }

    public EpcPage Augment(ulong offset)
    {
        EpcPage page = world.FreePage();
        Expect.Success(Eaug.Execute(world.Machine, Secs, Base + offset, null, page));
        world.Memory.Map(Base + offset, page);
        return page;
    }

    public Sigstruct LegalSigstruct()
    {
        Sigstruct sigstruct = new()
        {
            Attributes = world.Machine.SecsOf(Secs).Attributes,
            Attributemask = new Attributes((AttributeFlags)ulong.MaxValue, ulong.MaxValue),
            Miscselect = world.Machine.SecsOf(Secs).Miscselect,
            Miscmask = (Miscselect)uint.MaxValue,
            Isvprodid = 7,
            Isvsvn = 3,
        };
        world.Machine.EnclaveOf(Secs).Measurement!.Digest(sigstruct.Enclavehash);
        return sigstruct;
    }

    public LeafResult Init(Func<Sigstruct, Sigstruct>? change = null, byte[]? token = null)
    {
        Sigstruct sigstruct = LegalSigstruct();
        return Einit.Execute(world.Machine, TestSigner.Sign(change?.Invoke(sigstruct) ?? sigstruct), token ?? new byte[304], Secs);
    }

    public void Enter(LogicalProcessor? processor = null, bool second = false)
    {
        LinearAddress tcs = second ? SecondTcsAddress : TcsAddress;
        Expect.Success(world.Enclu(EncluLeaf.Eenter, tcs.Value, 0x1234_5000, 0, processor ?? world.Processor));
    }

    public void Exit(LogicalProcessor? processor = null)
        => Expect.Success(world.Enclu(EncluLeaf.Eexit, 0x40_0000, 0, 0, processor ?? world.Processor));

    /// <summary>Puts bytes into the data page and gives their address.</summary>
    public LinearAddress Place<T>(T value, int offset = 0) where T : unmanaged
    {
        MemoryMarshal.Write(world.Machine.Memory[Data][offset..], in value);
        return DataAddress + (ulong)offset;
    }

    /// <summary>EBLOCK and ETRACK, with every thread outside.</summary>
    public void BlockAndTrack(EpcPage page)
    {
        Expect.Success(Eblock.Execute(world.Machine, page));
        world.Track(this);
    }
}
