using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Processor;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;
using static Cloister.Cli.Tests.Explaining.ProvokedProcessor;

namespace Cloister.Cli.Tests.Explaining;

/// <summary>What brings each outcome of a leaf about in the processor.</summary>
internal static class LeafProvocations
{
    private const SecinfoFlags ReadWrite = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W;
    private const ulong NotCanonical = 0x8000_0000_0000_0000;

    private static readonly EpcPage s_outside = new(9999);

    private static readonly MachineOptions s_old =
        new() { RootKey = new byte[32], Oversubscription = false, Eupdatesvn = false, Sgx2 = false, Edeccssa = false };

    private delegate LeafResult LoadLeaf(SgxMachine machine, EpcPage secs, LinearAddress address, ReadOnlySpan<byte> source,
        ReadOnlySpan<byte> pcmd, EpcPage vaPage, int slot, EpcPage page);

    /// <summary>All of them; some cases in more than one way.</summary>
    public static IReadOnlyList<Provocation> Cases { get; } =
    [
        .. OfEntry(), .. OfAcceptance(), .. OfKeysAndReports(), .. OfBuilding(), .. OfInit(), .. OfChanges(), .. OfEviction(), .. OfLoads(),
        .. OfOthers(),
    ];

    private static IEnumerable<Provocation> OfEntry() =>
    [
        new("EENTER", "#GP", () => Entered(tcs => tcs with { Nssa = 0 }),
            "an SSA frame is free (CSSA is below NSSA); here CSSA is 0, NSSA 0"),
        new("EENTER", "#GP", () => Entered(tcs => tcs with { Ossa = 0x4001 }),
            "OSSA, OFSBASE and OGSBASE of the TCS are page aligned; here 0x7001"),
        new("EENTER", "#GP", () => Entered(tcs => tcs with { Flags = TcsFlags.AexNotify }),
            "AEXNOTIFY is the same in TCS and SECS; here TCS.FLAGS is 0x2, ATTRIBUTES 0x7"),
        new("EENTER", "#GP", () => Entered(tcs => tcs with { Oentry = NotCanonical }),
            "the place to go to and its segment bases are canonical"),
        new("EENTER", "#GP", () => Explained(one => one.Enclu(EncluLeaf.Eenter, one.Enclave.TcsAddress, new(NotCanonical))),
            "the AEP in RCX is canonical; here it is 0x8000000000000000"),
        new("EENTER", "#GP", () => Explained(one => one.Enclu(EncluLeaf.Eenter, one.Enclave.TcsAddress + 8)),
            "the operand is aligned; here 0x700000003008, and 4096 bytes are needed"),
        new("EENTER", "#GP", () => Explained(one =>
        {
            one.Enclave.Enter(new LogicalProcessor());
            one.Enclu(EncluLeaf.Eenter, one.Enclave.TcsAddress);
        }), "no thread is in the TCS"),
        new("EENTER", "#GP", () => ExplainedBeforeInit(one => one.Enclu(EncluLeaf.Eenter, one.Enclave.TcsAddress)),
            "the enclave is initialized; here ATTRIBUTES is 0x6"),
        new("EENTER", "#GP", () => Explained(one => one.Enclu(EncluLeaf.Eenter, one.Enclave.TcsAddress),
            secs: secs => secs with { Attributes = new Attributes(AttributeFlags.Debug, 7) }, origin: 0x7000_0000),
            "the enclave is of 64-bit mode; here ATTRIBUTES is 0x3"),
        new("EENTER", "#GP", () => Explained(one =>
        {
            one.Machine.TcsOf(one.Enclave.Tcs).Flags = (TcsFlags)0x100;
            one.Enclu(EncluLeaf.Eenter, one.Enclave.TcsAddress);
        }), "no reserved flag of the TCS is set; here 0x100"),
        new("EENTER", "#PF", () => Explained(one => one.Enclu(EncluLeaf.Eenter, Free(one))), "at 0x700000008000"),
        new("ERESUME", "#GP", () => Explained(one => one.Enclu(EncluLeaf.Eresume, one.Enclave.TcsAddress)),
            "an SSA frame is in use (CSSA is not 0); here CSSA is 0"),
        new("ERESUME", "#GP", () => Resumed((one, frame) => frame.Rip = NotCanonical),
            "RIP, FS and GS in the SSA frame are canonical; here 0x8000000000000000"),
        new("ERESUME", "#GP", () => Resumed((one, _) => one.World.ExtendedState.RestoreFails = true),
            "XRSTOR takes the extended state in the SSA frame"),
        new("ERESUME", "#PF", () => Explained(one => one.Enclu(EncluLeaf.Eresume, Free(one))), "at 0x700000008000"),
        new("EEXIT", "#GP", () => Explained(one =>
        {
            one.Enclave.Enter();
            one.Enclu(EncluLeaf.Eexit, new(NotCanonical));
        }), "the place to go to and its segment bases are canonical; here it is 0x8000000000000000"),
        new("EDECCSSA", "#GP", () => Explained(one =>
        {
            one.Enclave.Enter();
            one.Enclu(EncluLeaf.Edeccssa);
        }), "an SSA frame is in use (CSSA is not 0); here CSSA is 0"),
        new("EDECCSSA", "#PF", () => Explained(one =>
        {
            Interrupted(one);
            one.Enclave.Enter();
            one.World.Memory.Unmap(one.Enclave.Base + 0x4000);
            one.Enclu(EncluLeaf.Edeccssa);
        }), "there is no page: write of the enclave's page 0x4000"),
        new("any ENCLU leaf", "#GP", () => Explained(one =>
        {
            one.Enclave.Enter();
            one.Enclu(EncluLeaf.Eenter, one.Enclave.TcsAddress);
        }), "EENTER gave #GP", "EENTER and ERESUME are executed outside, all others inside"),
        new("any ENCLU leaf", "#GP", () => Explained(one =>
        {
            one.Enclave.Enter();
            one.Enclu(EncluLeaf.Edeccssa);
        }, s_old), "EDECCSSA gave #GP", "the processor offers the leaf"),
        new("any ENCLU leaf", "#GP", () => Explained(one =>
        {
            one.Enclave.Enter();
            one.Enclu((EncluLeaf)0x63);
        }), "ENCLU[63] gave #GP", "the processor offers the leaf"),
    ];

    private static IEnumerable<Provocation> OfAcceptance() =>
    [
        new("EACCEPT", "SGX_PAGE_ATTRIBUTES_MISMATCH", () => Explained(
            one => one.EncluInside(EncluLeaf.Eaccept, ReadWrite | SecinfoFlags.Pending, one.Enclave.MoreDataAddress)),
            "EACCEPT gave SGX_PAGE_ATTRIBUTES_MISMATCH for 0x700000002000",
            "the SECINFO says what the EPCM says of the page; here SECINFO has PT_REG rw- PENDING, the page PT_REG rw-"),
        new("EACCEPT", "SGX_NOT_TRACKED", () => Explained(one =>
        {
            one.Enclave.Enter();
            Expect.Success(Emodpr.Execute(one.Machine, one.Enclave.MoreData, new Secinfo(SecinfoFlags.R)));
            one.Enclu(EncluLeaf.Eaccept, one.Enclave.Place(new Secinfo(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.Pr)),
                one.Enclave.MoreDataAddress);
        }), "all threads that were inside when the page changed have left since"),
        new("EACCEPT", "#GP", () => Explained(one => one.EncluInside(EncluLeaf.Eaccept, ReadWrite, one.Enclave.MoreDataAddress + 1)),
            "the operand is aligned; here 0x700000002001, and 4096 bytes are needed"),
        new("EACCEPT", "#GP", () => Explained(one => one.EncluInside(EncluLeaf.Eaccept, ReadWrite, new(0x1000))),
            "the operand is in the enclave's range; here 0x1000, and the enclave begins at 0x700000000000"),
        new("EACCEPT", "#GP", () => Explained(one => one.EncluInside(EncluLeaf.Eaccept, ReadWrite, one.Enclave.MoreDataAddress)),
            "page type and state (PR, PENDING, MODIFIED) in the SECINFO go together; here FLAGS is PT_REG rw-"),
        new("EACCEPT", "#GP", () => Explained(one =>
        {
            one.Enclave.Enter();
            LinearAddress secinfo = one.Enclave.Place(new Secinfo(ReadWrite));
            _ = one.Enclave.Place(1UL, 8);
            one.Enclu(EncluLeaf.Eaccept, secinfo, one.Enclave.MoreDataAddress);
        }), "reserved fields of the SECINFO are 0"),
        new("EACCEPT", "#GP", () => Explained(one =>
        {
            one.Machine.Memory[one.Enclave.MoreData][8..].Fill(0xff);
            Expect.Success(Emodt.Execute(one.Machine, one.Enclave.MoreData, new Secinfo(SecinfoFlags.Tcs)));
            one.World.Track(one.Enclave);
            one.EncluInside(EncluLeaf.Eaccept, SecinfoFlags.Tcs | SecinfoFlags.Modified, one.Enclave.MoreDataAddress);
        }), "a new TCS is legal and idle"),
        new("EACCEPT", "#PF", () => Explained(one => one.EncluInside(EncluLeaf.Eaccept, ReadWrite | SecinfoFlags.Pending, Free(one))),
            "EACCEPT gave #PF for 0x700000008000", "there is no page: read of the enclave's page 0x8000"),
        new("EACCEPT", "SGX_NOT_TRACKED", () => Explained(
            one => one.EncluInside(EncluLeaf.Eaccept, ReadWrite, one.Enclave.MoreDataAddress),
            new MachineOptions { RootKey = new byte[32], Injected = [new(null, EncluLeaf.Eaccept, SgxError.NotTracked, 1, 1)] }),
            "it is not to fail by order (run --inject)"),
        new("EACCEPTCOPY", "SGX_PAGE_ATTRIBUTES_MISMATCH", () => Explained(
            one => one.EncluInside(EncluLeaf.Eacceptcopy, ReadWrite, one.Enclave.MoreDataAddress, one.Enclave.Base)),
            "the SECINFO says what the EPCM says of the page; here SECINFO has PT_REG rw-, the page PT_REG rw-"),
        new("EACCEPTCOPY", "#GP", () => Explained(
            one => one.EncluInside(EncluLeaf.Eacceptcopy, SecinfoFlags.Reg | SecinfoFlags.W, one.Enclave.MoreDataAddress,
                one.Enclave.Base)),
            "no W without R; here SECINFO has PT_REG -w-"),
        new("EACCEPTCOPY", "#PF", () => Explained(one => one.EncluInside(EncluLeaf.Eacceptcopy, ReadWrite, Free(one), one.Enclave.Base)),
            "there is no page: write of the enclave's page 0x8000"),
        new("EMODPE", "#GP", () => Explained(one => one.EncluInside(EncluLeaf.Emodpe, ReadWrite, one.Enclave.MoreDataAddress + 1)),
            "the operand is aligned"),
        new("EMODPE", "#PF", () => Explained(one =>
        {
            _ = one.Enclave.Augment(0x8000);
            one.EncluInside(EncluLeaf.Emodpe, ReadWrite, Free(one));
        }), "the page is not accepted yet: read of the enclave's page 0x8000, and the EPCM has PT_REG rw- PENDING"),
    ];

    private static IEnumerable<Provocation> OfKeysAndReports() =>
    [
        new("EGETKEY", "SGX_INVALID_ATTRIBUTE", () => Key(new() { Keyname = KeyName.Provision }),
            "the enclave has the attribute that the key needs; here ATTRIBUTES is 0x7"),
        new("EGETKEY", "SGX_INVALID_CPUSVN", () =>
        {
            var request = new Keyrequest { Keyname = KeyName.Seal };
            ((Span<byte>)request.Cpusvn).Fill(0xff);
            return Key(request);
        }, "CPUSVN is not beyond the processor's"),
        new("EGETKEY", "SGX_INVALID_ISVSVN", () => Key(new() { Keyname = KeyName.Seal, Isvsvn = 99 }),
            "ISVSVN and CONFIGSVN are not above the enclave's; here 99 is asked for, the enclave has 3"),
        new("EGETKEY", "SGX_INVALID_KEYNAME", () => Key(new() { Keyname = (KeyName)77 }), "KEYNAME is one that there is; here it is 77"),
        new("EGETKEY", "#GP", () => Key(new() { Keyname = KeyName.Seal, Keypolicy = Keypolicy.Configid }),
            "policies of KSS, and CONFIGSVN, are for enclaves with KSS; here KEYPOLICY is 0x8"),
        new("EGETKEY", "#GP", () => Key(new() { Keyname = KeyName.Seal, Keypolicy = (Keypolicy)0x8000 }),
            "reserved fields of the KEYREQUEST are 0, and its policies known; here KEYPOLICY is 0x8000"),
        new("EGETKEY", "#PF", () => Explained(one =>
        {
            one.Enclave.Enter();
            one.Enclu(EncluLeaf.Egetkey, Free(one), one.Enclave.DataAddress);
        }), "there is no page: read of the enclave's page 0x8000"),
        new("EREPORT", "#GP", () => Explained(one =>
        {
            one.Enclave.Enter();
            one.Enclu(EncluLeaf.Ereport, one.Enclave.DataAddress, one.Enclave.DataAddress + 512, one.Enclave.DataAddress + 1000);
        }), "the operand is aligned; here 0x7000000013e8, and 512 bytes are needed"),
        new("EREPORT", "#GP", () => Explained(one =>
        {
            one.Machine.Memory[one.Enclave.Data].Fill(0xff);
            one.Enclave.Enter();
            one.Enclu(EncluLeaf.Ereport, one.Enclave.DataAddress, one.Enclave.DataAddress + 512, one.Enclave.DataAddress + 1024);
        }), "reserved fields of the TARGETINFO are 0"),
        new("EREPORT", "#PF", () => Explained(one =>
        {
            one.Enclave.Enter();
            one.Enclu(EncluLeaf.Ereport, Free(one), one.Enclave.DataAddress, one.Enclave.DataAddress);
        }), "there is no page: read of the enclave's page 0x8000"),
    ];

    private static IEnumerable<Provocation> OfBuilding() =>
    [
        new("ECREATE", "#GP", () => Encls(one => Ecreate.Execute(one.Machine,
            World.Bytes(TestEnclave.LegalSecs() with { Size = 0x3000 }), default, one.World.FreePage()))),
        new("ECREATE", "#PF",
            () => Encls(one => Ecreate.Execute(one.Machine, World.Bytes(TestEnclave.LegalSecs()), default, one.Enclave.Data))),
        new("EADD", "#GP", () => Encls(one => Add(one, one.Enclave.Secs))),
        new("EADD", "#PF", () => Encls(one => Add(one, one.Enclave.Data))),
        new("EEXTEND", "#GP", () => Encls(one => Eextend.ExecutePage(one.Machine, one.Enclave.Data))),
        new("EEXTEND", "#PF", () => Encls(one => Eextend.ExecutePage(one.Machine, one.World.FreePage()))),
        new("EAUG", "#GP", () => Encls(one => Eaug.Execute(one.Machine, one.Enclave.Secs, new(0x1000), null, one.World.FreePage()))),
        new("EAUG", "#PF", () => Encls(one => Eaug.Execute(one.Machine, one.Enclave.Secs, Free(one), null, one.Enclave.Data))),
        new("EREMOVE", "SGX_CHILD_PRESENT", () => Encls(one => Eremove.Execute(one.Machine, one.Enclave.Secs))),
        new("EREMOVE", "SGX_ENCLAVE_ACT", () => Encls(one =>
        {
            one.Enclave.Enter();
            return Eremove.Execute(one.Machine, one.Enclave.Data);
        })),
        new("EREMOVE", "#PF", () => Encls(one => Eremove.Execute(one.Machine, s_outside))),
        new("EPA", "#PF", () => Encls(one => Epa.Execute(one.Machine, one.Enclave.Data))),
    ];

    private static IEnumerable<Provocation> OfInit() =>
    [
        new("EINIT", "SGX_INVALID_SIG_STRUCT", () => Init((one, _) => Einit.Execute(one.Machine, new byte[Sigstruct.SizeInBytes],
            new byte[Einittoken.SizeInBytes], one.Enclave.Secs))),
        new("EINIT", "SGX_INVALID_SIGNATURE", () => Init((one, sigstruct) =>
        {
            sigstruct[Marshal.OffsetOf<Sigstruct>(nameof(Sigstruct.Isvsvn)).ToInt32()] ^= 1;
            return Einit.Execute(one.Machine, sigstruct, new byte[Einittoken.SizeInBytes], one.Enclave.Secs);
        })),
        new("EINIT", "SGX_INVALID_MEASUREMENT",
            () => Init((one, _) => one.Enclave.Init(sigstruct => sigstruct with { Enclavehash = default }))),
        new("EINIT", "SGX_INVALID_ATTRIBUTE", () => Init((one, _) => one.Enclave.Init(
            sigstruct => sigstruct with { Attributes = new Attributes(AttributeFlags.Mode64Bit, 7) }))),
        new("EINIT", "SGX_INVALID_EINITTOKEN", () => Init((one, _) =>
        {
            one.Machine.LaunchControlHash = new byte[32];
            return one.Enclave.Init();
        })),
        new("EINIT", "SGX_INVALID_CPUSVN", () => Init((one, _) =>
        {
            var token = new Einittoken { Valid = 1 };
            ((Span<byte>)token.Cpusvnle).Fill(0xff);
            return one.Enclave.Init(token: World.Bytes(token));
        })),
        new("EINIT", "#GP",
            () => Encls(one => Einit.Execute(one.Machine, TestSigner.Sign(new Sigstruct()), new byte[Einittoken.SizeInBytes],
            one.Enclave.Secs))),
        new("EINIT", "#PF", () => Init((one, sigstruct) =>
            Einit.Execute(one.Machine, sigstruct, new byte[Einittoken.SizeInBytes], one.Enclave.Data))),
    ];

    private static IEnumerable<Provocation> OfChanges() =>
    [
        new("EMODPR", "SGX_PAGE_NOT_MODIFIABLE", () => Encls(
            one => Emodpr.Execute(one.Machine, one.Enclave.Augment(0x8000), new Secinfo(SecinfoFlags.R)))),
        new("EMODPR", "#PF", () => Encls(one => Emodpr.Execute(one.Machine, one.Enclave.Tcs, new Secinfo(SecinfoFlags.R)))),
        new("EMODPR", "#GP", () => Encls(one => Emodpr.Execute(one.Machine, one.Enclave.Data, new Secinfo(SecinfoFlags.W)))),
        new("EMODT", "SGX_PAGE_NOT_MODIFIABLE", () => Encls(
            one => Emodt.Execute(one.Machine, one.Enclave.Augment(0x8000), new Secinfo(SecinfoFlags.Trim)))),
        new("EMODT", "#PF", () => Encls(one => Emodt.Execute(one.Machine, one.World.FreePage(), new Secinfo(SecinfoFlags.Trim)))),
        new("EMODT", "#GP", () => Encls(one => Emodt.Execute(one.Machine, one.Enclave.Data, new Secinfo(SecinfoFlags.Reg)))),
        new("ETRACK", "SGX_PREV_TRK_INCMPL", () => Encls(one => TrackedTwice(one, () => Etrack.Execute(one.Machine, one.Enclave.Secs)))),
        new("ETRACK", "#PF", () => Encls(one => Etrack.Execute(one.Machine, one.Enclave.Data))),
        new("ETRACKC", "SGX_PREV_TRK_INCMPL", () => Encls(one => TrackedTwice(one, () => Etrackc.Execute(one.Machine, one.Enclave.Data)))),
        new("ETRACKC", "SGX_PG_INVLD", () => Encls(one => Etrackc.Execute(one.Machine, one.World.FreePage()))),
        new("ETRACKC", "SGX_TRACK_NOT_REQUIRED", () => Encls(one => Etrackc.Execute(one.Machine, one.World.VersionArray()))),
        new("ETRACKC", "#PF", () => Encls(one => Etrackc.Execute(one.Machine, s_outside))),
        new("ETRACKC", "#GP", () => Encls(one => Etrackc.Execute(one.Machine, one.Enclave.Data), s_old)),
    ];

    private static IEnumerable<Provocation> OfEviction() =>
    [
        new("EBLOCK", "SGX_BLKSTATE", () => Encls(one =>
        {
            Expect.Success(Eblock.Execute(one.Machine, one.Enclave.Data));
            return Eblock.Execute(one.Machine, one.Enclave.Data);
        })),
        new("EBLOCK", "SGX_PG_INVLD", () => Encls(one => Eblock.Execute(one.Machine, one.World.FreePage()))),
        new("EBLOCK", "SGX_PG_IS_SECS", () => Encls(one => Eblock.Execute(one.Machine, one.Enclave.Secs))),
        new("EBLOCK", "SGX_NOTBLOCKABLE", () => Encls(one => Eblock.Execute(one.Machine, one.World.VersionArray()))),
        new("EBLOCK", "#PF", () => Encls(one => Eblock.Execute(one.Machine, s_outside))),
        new("EWB", "SGX_NOT_TRACKED", () => Encls(one =>
        {
            one.Enclave.Enter();
            Expect.Success(Eblock.Execute(one.Machine, one.Enclave.Data));
            return Write(one, one.Enclave.Data, one.World.VersionArray());
        })),
        new("EWB", "SGX_CHILD_PRESENT", () => Encls(one => Write(one, one.Enclave.Secs, one.World.VersionArray()))),
        new("EWB", "SGX_VA_SLOT_OCCUPIED", () => Encls(one =>
        {
            EpcPage versions = one.World.VersionArray();
            one.Enclave.BlockAndTrack(one.Enclave.Data);
            one.Enclave.BlockAndTrack(one.Enclave.MoreData);
            Expect.Success(Write(one, one.Enclave.Data, versions));
            return Write(one, one.Enclave.MoreData, versions);
        })),
        new("EWB", "SGX_PAGE_NOT_BLOCKED", () => Encls(one => Write(one, one.Enclave.Data, one.World.VersionArray()))),
        new("EWB", "#GP", () => Encls(one =>
        {
            EpcPage versions = one.World.VersionArray();
            return Write(one, versions, versions);
        })),
        new("EWB", "#PF", () => Encls(one => Write(one, one.Enclave.Data, one.Enclave.MoreData))),
    ];

    private static IEnumerable<Provocation> OfLoads()
    {
        foreach ((string name, LoadLeaf load) in ((string, LoadLeaf)[])
            [("ELDU", Eldu.Execute), ("ELDB", Eldb.Execute), ("ELDUC", Elduc.Execute), ("ELDBC", Eldbc.Execute)])
        {
            yield return new(name, "SGX_MAC_COMPARE_FAIL", () => Encls(one => Reload(one, load, one.Enclave.Secs, spoil: true)));
            yield return new(name, "#GP", () => Encls(one => Reload(one, load, one.Enclave.Secs, versions: true)));
            yield return new(name, "#PF", () => Encls(one => Reload(one, load, EpcPage.None)));
        }

        yield return new("ELDUC", "#GP", () => Encls(one => Reload(one, Elduc.Execute, one.Enclave.Secs), s_old));
        yield return new("ELDBC", "#GP", () => Encls(one => Reload(one, Eldbc.Execute, one.Enclave.Secs), s_old));
    }

    private static IEnumerable<Provocation> OfOthers() =>
    [
        new("EDBGRD", "#GP", () => Encls(one => Edbgrd.Execute(one.Machine, one.Enclave.Data, 0, out _), secs: Production)),
        new("EDBGRD", "#PF", () => Encls(one => Edbgrd.Execute(one.Machine, one.World.FreePage(), 0, out _))),
        new("EDBGRD", "SGX_PAGE_NOT_DEBUGGABLE", () => Encls(one => Edbgrd.Execute(one.Machine, one.Enclave.Augment(0x8000), 0, out _))),
        new("EDBGWR", "#GP", () => Encls(one => Edbgwr.Execute(one.Machine, one.Enclave.Data, 0, 1), secs: Production)),
        new("EDBGWR", "#PF", () => Encls(one => Edbgwr.Execute(one.Machine, one.World.FreePage(), 0, 1))),
        new("EDBGWR", "SGX_PAGE_NOT_DEBUGGABLE", () => Encls(one => Edbgwr.Execute(one.Machine, one.Enclave.Augment(0x8000), 0, 1))),
        new("ERDINFO", "SGX_PG_INVLD", () => Encls(one => Erdinfo.Execute(one.Machine, one.World.FreePage(), out _))),
        new("ERDINFO", "SGX_PG_NONEPC", () => Encls(one => Erdinfo.Execute(one.Machine, s_outside, out _))),
        new("ERDINFO", "#GP", () => Encls(one => Erdinfo.Execute(one.Machine, one.Enclave.Data, out _), s_old)),
        new("EUPDATESVN", "SGX_EPC_NOT_READY", () => Encls(one => Eupdatesvn.Execute(one.Machine))),
        new("EUPDATESVN", "SGX_NO_UPDATE", () => Encls(one =>
        {
            one.Machine.LosePower();
            return Eupdatesvn.Execute(one.Machine);
        })),
        new("EUPDATESVN", "#GP", () => Encls(one => Eupdatesvn.Execute(one.Machine), s_old)),
    ];

    private static LinearAddress Free(ProvokedProcessor one) => one.Enclave.Base + TestEnclave.FreeOffset;

    private static Secs Production(Secs secs) => secs with { Attributes = new Attributes(AttributeFlags.Mode64Bit, 7) };

    private static IReadOnlyList<string> Encls(Func<ProvokedProcessor, LeafResult> leaf, MachineOptions? options = null,
        Func<Secs, Secs>? secs = null) => Explained(one => one.Encls(() => leaf(one)), options, secs);

    private static IReadOnlyList<string> Init(Func<ProvokedProcessor, byte[], LeafResult> leaf) => ExplainedBeforeInit(
        one => one.Encls(() => leaf(one, TestSigner.Sign(one.Enclave.LegalSigstruct()))));

    private static IReadOnlyList<string> Entered(Func<Tcs, Tcs> change) =>
        Explained(one => one.Enclu(EncluLeaf.Eenter, one.Enclave.TcsAddress), tcs: change);

    private static void Interrupted(ProvokedProcessor one)
    {
        one.Enclave.Enter();
        Aex.Execute(one.Machine, one.World.Processor, one.World.Memory, one.World.ExtendedState, null, 0, default);
    }

    private static IReadOnlyList<string> Resumed(Action<ProvokedProcessor, FrameOfThread> change) => Explained(one =>
    {
        Interrupted(one);
        change(one, new FrameOfThread(one));
        one.Enclu(EncluLeaf.Eresume, one.Enclave.TcsAddress);
    });

    private static IReadOnlyList<string> Key(Keyrequest request) => Explained(one =>
    {
        one.Enclave.Enter();
        one.Enclu(EncluLeaf.Egetkey, one.Enclave.Place(request), one.Enclave.DataAddress + 1024);
    });

    private static LeafResult Add(ProvokedProcessor one, EpcPage secs) =>
        Eadd.Execute(one.Machine, secs, Free(one), new Secinfo(ReadWrite), new byte[4096], one.World.FreePage());

    private static LeafResult TrackedTwice(ProvokedProcessor one, Func<LeafResult> track)
    {
        one.Enclave.Enter();
        Expect.Success(track());
        return track();
    }

    private static LeafResult Write(ProvokedProcessor one, EpcPage page, EpcPage versions) =>
        Ewb.Execute(one.Machine, page, versions, 0, new byte[4096], new byte[Pcmd.SizeInBytes], out _);

    private static LeafResult Reload(ProvokedProcessor one, LoadLeaf load, EpcPage secs, bool spoil = false, bool versions = false)
    {
        EpcPage array = one.World.VersionArray(), page = versions ? one.World.VersionArray() : one.Enclave.Data;
        if (!versions)
        {
            one.Enclave.BlockAndTrack(page);
        }

        (byte[] contents, byte[] pcmd) = (new byte[4096], new byte[Pcmd.SizeInBytes]);
        Expect.Success(Ewb.Execute(one.Machine, page, array, 0, contents, pcmd, out LinearAddress address));
        contents[0] ^= spoil ? (byte)1 : (byte)0;
        return load(one.Machine, secs, address, contents, pcmd, array, 0, one.World.FreePage());
    }

    /// <summary>The frame that a thread was interrupted in: the first of the first TCS, of one page.</summary>
    private sealed class FrameOfThread(ProvokedProcessor one)
    {
        public ulong Rip
        {
            set
            {
                EpcPage page = one.World.Memory.Walk(one.Enclave.Base + 0x4000, AccessKind.Read).Page;
                Span<byte> frame = one.Machine.Memory[page][^Gprsgx.SizeInBytes..];
                Gprsgx saved = MemoryMarshal.Read<Gprsgx>(frame);
                saved.Rip = value;
                MemoryMarshal.Write(frame, in saved);
            }
        }
    }
}
