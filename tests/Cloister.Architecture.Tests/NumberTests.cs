namespace Cloister.Architecture.Tests;

/// <summary>Numbers of the architecture, where a slip would go unnoticed: SDM 3D, and Linux 6.12's arch/x86/include/asm/sgx.h.</summary>
public class NumberTests
{
    [Fact]
    public void Leaves()
    {
        Assert.Equal(
            "Ecreate 0, Eadd 1, Einit 2, Eremove 3, Edbgrd 4, Edbgwr 5, Eextend 6, Eldb 7, Eldu 8, Eblock 9, Epa 10, Ewb 11, Etrack 12, "
            + "Eaug 13, Emodpr 14, Emodt 15, Erdinfo 16, Etrackc 17, Eldbc 18, Elduc 19, Eupdatesvn 24",
            Render<EnclsLeaf>());
        Assert.Equal(
            "Ereport 0, Egetkey 1, Eenter 2, Eresume 3, Eexit 4, Eaccept 5, Emodpe 6, Eacceptcopy 7, Everifyreport2 8, Edeccssa 9",
            Render<EncluLeaf>());
    }

    [Fact]
    public void Error_codes() => Assert.Equal(
        "Success 0, InvalidSigStruct 1, InvalidAttribute 2, Blkstate 3, InvalidMeasurement 4, Notblockable 5, PgInvld 6, EpcPageConflict 7, "
        + "InvalidSignature 8, MacCompareFail 9, PageNotBlocked 10, NotTracked 11, VaSlotOccupied 12, ChildPresent 13, EnclaveAct 14, "
        + "EntryepochLocked 15, InvalidEinittoken 16, PrevTrkIncmpl 17, PgIsSecs 18, PageAttributesMismatch 19, PageNotModifiable 20, "
        + "PageNotDebuggable 21, InvalidCounter 25, PgNonepc 26, TrackNotRequired 27, InvalidReportmacstruct 28, InsufficientEntropy 29, "
        + "EpcNotReady 30, NoUpdate 31, InvalidCpusvn 32, InvalidIsvsvn 64, UnmaskedEvent 128, InvalidKeyname 256",
        Render<SgxError>());

    [Fact]
    public void Page_types()
    {
        Assert.Equal("Secs 0, Tcs 1, Reg 2, Va 3, Trim 4, SsFirst 5, SsRest 6", Render<PageType>());
        foreach (PageType type in Enum.GetValues<PageType>())
        {
            Assert.Equal(type, new Secinfo(type, SecinfoFlags.R).PageType);
            SecinfoFlags named = type == PageType.Secs ? SecinfoFlags.None : Enum.Parse<SecinfoFlags>(type.ToString());
            Assert.Equal(named, new Secinfo(type, SecinfoFlags.None).Flags);
        }
    }

    [Fact]
    public void Bits()
    {
        Assert.Equal((1ul, 2ul, 4ul, 8ul, 16ul, 32ul),
            ((ulong)SecinfoFlags.R, (ulong)SecinfoFlags.W, (ulong)SecinfoFlags.X, (ulong)SecinfoFlags.Pending, (ulong)SecinfoFlags.Modified,
                (ulong)SecinfoFlags.Pr));
        Assert.Equal("None 0, Init 1, Debug 2, Mode64Bit 4, ProvisionKey 16, EinittokenKey 32, Cet 64, Kss 128, AexNotify 1024",
            Render<AttributeFlags>());
        Assert.Equal("None 0, Mrenclave 1, Mrsigner 2, NoIsvprodid 4, Configid 8, Isvfamilyid 16, Isvextprodid 32", Render<Keypolicy>());
        Assert.Equal("Einittoken 0, Provision 1, ProvisionSeal 2, Report 3, Seal 4", Render<KeyName>());
        Assert.Equal("None 0, Exinfo 1, Cpinfo 2", Render<Miscselect>());
        Assert.Equal("None 0, Dbgoptin 1, AexNotify 2", Render<TcsFlags>());
        Assert.Equal("None 0, Present 1, Write 2, User 4, InstructionFetch 16, ShadowStack 64, Sgx 32768", Render<PageFaultErrorCode>());
    }

    [Fact]
    public void Exitinfo_has_its_fields_in_their_bits()
    {
        var exitinfo = new Exitinfo(ExceptionVector.Breakpoint, Exitinfo.SoftwareException);
        Assert.Equal(0x8000_0603u, exitinfo.Value);
        Assert.Equal((ExceptionVector.Breakpoint, 6u, true), (exitinfo.Vector, exitinfo.ExitType, exitinfo.Valid));
    }

    private static string Render<T>() where T : struct, Enum
        => string.Join(", ", Enum.GetValues<T>().Select(value => $"{value} {Convert.ToUInt64(value)}"));
}
