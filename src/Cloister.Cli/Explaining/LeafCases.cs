using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Cli.Explaining;

/// <summary>Why leaves fail, by name and outcome, and the checks that refuse them.</summary>
internal static class LeafCases
{
    private const string Epcm =
        "the EPC page is not valid any more (the machine lost power), not the enclave's, or not of the type that the leaf wants";
    private const string Outside = "the operand is no page of the EPC";
    private const string NotOffered = "the processor does not offer the leaf (a --cpu without it)";
    private const string Operands = "an operand is not aligned, not a page of the enclave, or has a reserved field that is not 0";
    private const string Reload = "the page was not written out by this machine since it was switched on, or its version slot is another's";

    private static readonly string[] s_loads = ["ELDU", "ELDB", "ELDUC", "ELDBC"];

    /// <summary>The cases.</summary>
    public static IReadOnlyList<ExplainedCase> All { get; } =
    [
        new("EENTER", "#GP",
            "no free SSA frame (more nested exceptions than NSSA, or one that was never resumed), a TCS that another thread is in, an enclave before EINIT, a TCS that is not legal, an AEP that is not canonical"),
        new("EENTER", "#PF",
            "the TCS or its SSA frame is not there: evicted (the driver loads it), never added, unmapped, pending, or the address is no TCS"),
        new("ERESUME", "#GP", "nothing to resume (CSSA is 0), a TCS that another thread is in, or a frame that was overwritten"),
        new("ERESUME", "#PF", "the TCS or its SSA frame is not there: evicted (the driver loads it), removed or unmapped"),
        new("EEXIT", "#GP", "the target in RBX is not canonical: a stack that was overwritten, or EEXIT outside of an enclave"),
        new("EACCEPT", "SGX_PAGE_ATTRIBUTES_MISMATCH",
            "the SECINFO asks for another type or permissions than the page has, the page was accepted before, or the change that is accepted was not made (the ioctl failed, or is still to come)"),
        new("EACCEPT", "SGX_NOT_TRACKED",
            "a thread that was inside when the page changed has not left since: the driver's ETRACK and interrupts come first"),
        new("EACCEPT", "#GP", $"{Operands}; type and state in the SECINFO do not go together; a new TCS that is not legal"),
        new("EACCEPT", "#PF",
            "no page is there and the driver cannot add one (SGX1, no room, outside of the mapping), or it is of another enclave or blocked"),
        new("EACCEPTCOPY", "SGX_PAGE_ATTRIBUTES_MISMATCH", "the page is not new: it was accepted, or was not added by EAUG"),
        new("EACCEPTCOPY", "#GP", $"{Operands}; a SECINFO that is not PT_REG, or with W and not R"),
        new("EACCEPTCOPY", "#PF", "the new page or the source is not there, or the source cannot be read"),
        new("EMODPE", "#GP", $"{Operands}; W without R"),
        new("EMODPE", "#PF", "the page is not there, or pending or modified: EACCEPT comes first; or it is no PT_REG"),
        new("EDECCSSA", "#GP", "CSSA is 0: there is no frame to go back to; or the processor does not offer it"),
        new("EDECCSSA", "#PF", "the previous SSA frame is not there"),
        new("EGETKEY", "SGX_INVALID_ATTRIBUTE",
            "the enclave has not the attribute for this key: PROVISIONKEY for provisioning keys, EINITTOKEN_KEY for that of launch tokens"),
        new("EGETKEY", "SGX_INVALID_CPUSVN", "sealed on a machine with a newer CPUSVN: another platform, or one that was set back"),
        new("EGETKEY", "SGX_INVALID_ISVSVN",
            "sealed by a newer version of the enclave: ISVSVN (or CONFIGSVN) of the request is above the enclave's"),
        new("EGETKEY", "SGX_INVALID_KEYNAME", "KEYNAME is none of the five; a KEYREQUEST that was not filled in"),
        new("EGETKEY", "#GP", $"{Operands}; policies of KSS without KSS"),
        new("EGETKEY", "#PF", "KEYREQUEST or the key's place is not there or has not the permission"),
        new("EREPORT", "#GP", $"{Operands}: TARGETINFO at 512, REPORTDATA at 128, the report at 512 bytes"),
        new("EREPORT", "#PF", "TARGETINFO, REPORTDATA or the report's place is not there or has not the permission"),
        new("any ENCLU leaf", "#GP",
            "a leaf that this processor does not offer (SGX2, EDECCSSA), or executed on the wrong side: only EENTER and ERESUME are executed outside"),
        new("ECREATE", "#GP",
            "BASEADDR, SIZE, ATTRIBUTES, XFRM, MISCSELECT or SSAFRAMESIZE is not legal on this machine, or a reserved field is not 0"),
        new("ECREATE", "#PF", Epcm),
        new("EADD", "#GP",
            "the SECINFO is not legal, the enclave is initialized, or a TCS has a reserved field or offset that is not right"),
        new("EADD", "#PF", Epcm),
        new("EEXTEND", "#GP", "the enclave is initialized, or the chunk is not one of a page being added"),
        new("EEXTEND", "#PF", Epcm),
        new("EINIT", "SGX_INVALID_SIG_STRUCT", "the SIGSTRUCT is damaged or not filled in"),
        new("EINIT", "SGX_INVALID_SIGNATURE",
            "the SIGSTRUCT was changed after it was signed, or is signed with another key than its modulus"),
        new("EINIT", "SGX_INVALID_MEASUREMENT",
            "other pages, in another order, with other permissions or measured otherwise than was signed"),
        new("EINIT", "SGX_INVALID_ATTRIBUTE",
            "ATTRIBUTES, XFRM or MISCSELECT of the SECS are not what the SIGSTRUCT demands under its masks; DEBUG of a release build is the usual one"),
        new("EINIT", "SGX_INVALID_EINITTOKEN",
            "launch control: the signer is not the one that the registers name, and there is no valid token (--launch-hash)"),
        new("EINIT", "SGX_INVALID_CPUSVN", "the launch token is of a machine with a newer CPUSVN"),
        new("EINIT", "#GP", "the enclave is initialized"),
        new("EINIT", "#PF", Epcm),
        new("EREMOVE", "SGX_CHILD_PRESENT", "the SECS of an enclave that has pages still"),
        new("EREMOVE", "SGX_ENCLAVE_ACT", "a thread is inside"),
        new("EREMOVE", "#PF", Outside),
        new("EAUG", "#GP", "the enclave is not initialized, the address is not in its range, or the processor has no SGX2"),
        new("EAUG", "#PF", Epcm),
        new("EMODPR", "SGX_PAGE_NOT_MODIFIABLE", "the page is pending or modified: the enclave has to accept it first (EACCEPT)"),
        new("EMODPR", "#PF", $"{Epcm}; or it is no PT_REG"),
        new("EMODPR", "#GP",
            "the SECINFO has W and not R, or something reserved; the enclave is not initialized, or the processor has no SGX2"),
        new("EMODT", "SGX_PAGE_NOT_MODIFIABLE", "the page is pending or modified: the enclave has to accept it first (EACCEPT)"),
        new("EMODT", "#PF", Epcm),
        new("EMODT", "#GP", "the new type is none that a page can get; the enclave is not initialized, or the processor has no SGX2"),
        new("EBLOCK", "SGX_BLKSTATE", "the page is blocked already"),
        new("EBLOCK", "SGX_PG_INVLD", "the page is gone: the machine lost power"),
        new("EBLOCK", "SGX_PG_IS_SECS", "a SECS is not blocked: it is written out when no page of its enclave is left"),
        new("EBLOCK", "SGX_NOTBLOCKABLE", "a version array is not blocked: it is no enclave's"),
        new("EBLOCK", "#PF", Outside),
        new("ETRACK", "SGX_PREV_TRK_INCMPL", "threads of the epoch before are inside still; the driver sends interrupts and goes on"),
        new("ETRACK", "#PF", Epcm),
        new("ETRACKC", "SGX_PREV_TRK_INCMPL", "threads of the epoch before are inside still; the driver sends interrupts and goes on"),
        new("ETRACKC", "SGX_PG_INVLD", "the page is gone: the machine lost power"),
        new("ETRACKC", "SGX_TRACK_NOT_REQUIRED", "a version array is no enclave's, and nobody is inside of it"),
        new("ETRACKC", "#PF", Outside),
        new("ETRACKC", "#GP", NotOffered),
        new("EWB", "SGX_NOT_TRACKED",
            "threads that were inside when the page was blocked have not left; the driver drives them out and goes on"),
        new("EWB", "SGX_CHILD_PRESENT", "the SECS of an enclave that has pages in the EPC"),
        new("EWB", "SGX_VA_SLOT_OCCUPIED", "the version slot is in use"),
        new("EWB", "SGX_PAGE_NOT_BLOCKED", "EBLOCK and ETRACK come first"),
        new("EWB", "#GP", "the page is the version array that its version should go to"),
        new("EWB", "#PF", $"{Epcm}; or there is no version array"),
        .. s_loads.SelectMany(name => (ExplainedCase[])
        [
            new(name, "SGX_MAC_COMPARE_FAIL", Reload),
            new(name, "#GP",
                $"a SECS or a version array has no SECS of its own{(name.EndsWith('C') ? ", or " + NotOffered : "")}"),
            new(name, "#PF", "the page to load to is in use, or there is no version array or no SECS any more (the machine lost power)"),
        ]),
        new("EPA", "#PF", Epcm),
        new("EDBGRD", "#GP",
            "the enclave is not a debug enclave: memory of others cannot be read from outside; or the address is not a multiple of 8, or behind a TCS's fields"),
        new("EDBGRD", "#PF", Epcm),
        new("EDBGRD", "SGX_PAGE_NOT_DEBUGGABLE", "the page is pending or modified: the enclave has to accept it first (EACCEPT)"),
        new("EDBGWR", "#GP",
            "the enclave is not a debug enclave: memory of others cannot be written from outside; or the address is not a multiple of 8, or not a TCS's FLAGS"),
        new("EDBGWR", "#PF", Epcm),
        new("EDBGWR", "SGX_PAGE_NOT_DEBUGGABLE", "the page is pending or modified: the enclave has to accept it first (EACCEPT)"),
        new("ERDINFO", "SGX_PG_INVLD", Epcm),
        new("ERDINFO", "SGX_PG_NONEPC", Outside),
        new("ERDINFO", "#GP", NotOffered),
        new("EUPDATESVN", "SGX_EPC_NOT_READY", "EPC pages are in use: the version is updated when no enclave exists"),
        new("EUPDATESVN", "SGX_NO_UPDATE", "the version is that of the loaded microcode already"),
        new("EUPDATESVN", "#GP", NotOffered),
    ];

    /// <summary>What usually causes an outcome of a leaf.</summary>
    public static string? Causes(string leaf, string outcome) =>
        All.FirstOrDefault(known => known.Of == leaf && known.Outcome == outcome)?.Causes;

    /// <summary>A check, as it is told.</summary>
    public static string Text(LeafRule rule) => rule switch
    {
        LeafRule.None => "",
        LeafRule.Offered => "the processor offers the leaf",
        LeafRule.EnclaveMode => "EENTER and ERESUME are executed outside, all others inside",
        LeafRule.OperandAligned => "the operand is aligned",
        LeafRule.OperandInElrange => "the operand is in the enclave's range",
        LeafRule.AepCanonical => "the AEP in RCX is canonical",
        LeafRule.TcsAligned => "OSSA, OFSBASE and OGSBASE of the TCS are page aligned",
        LeafRule.TcsFlags => "no reserved flag of the TCS is set",
        LeafRule.Initialized => "the enclave is initialized",
        LeafRule.Mode64 => "the enclave is of 64-bit mode",
        LeafRule.XfrmWithinXcr0 => "XFRM of the enclave is within XCR0",
        LeafRule.AexNotifyAgrees => "AEXNOTIFY is the same in TCS and SECS",
        LeafRule.FrameFree => "an SSA frame is free (CSSA is below NSSA)",
        LeafRule.FrameUsed => "an SSA frame is in use (CSSA is not 0)",
        LeafRule.TargetCanonical => "the place to go to and its segment bases are canonical",
        LeafRule.TcsFree => "no thread is in the TCS",
        LeafRule.FrameCanonical => "RIP, FS and GS in the SSA frame are canonical",
        LeafRule.FrameExtendedState => "XRSTOR takes the extended state in the SSA frame",
        LeafRule.SecinfoReserved => "reserved fields of the SECINFO are 0",
        LeafRule.SecinfoState => "page type and state (PR, PENDING, MODIFIED) in the SECINFO go together",
        LeafRule.WriteNeedsRead => "no W without R",
        LeafRule.PageAttributes => "the SECINFO says what the EPCM says of the page",
        LeafRule.Tracked => "all threads that were inside when the page changed have left since",
        LeafRule.TcsIdle => "a new TCS is legal and idle",
        LeafRule.KeyrequestReserved => "reserved fields of the KEYREQUEST are 0, and its policies known",
        LeafRule.KeyrequestKss => "policies of KSS, and CONFIGSVN, are for enclaves with KSS",
        LeafRule.Keyname => "KEYNAME is one that there is",
        LeafRule.KeyAttribute => "the enclave has the attribute that the key needs",
        LeafRule.KeyCpusvn => "CPUSVN is not beyond the processor's",
        LeafRule.KeyIsvsvn => "ISVSVN and CONFIGSVN are not above the enclave's",
        LeafRule.TargetinfoReserved => "reserved fields of the TARGETINFO are 0",
        LeafRule.NotInjected => "it is not to fail by order (run --inject)",
        _ => throw new ArgumentOutOfRangeException(nameof(rule)),
    };

    /// <summary>The values on both sides; null where they say nothing.</summary>
    public static string? Values(in LeafRefusal refusal) => refusal.Rule switch
    {
        LeafRule.OperandAligned => $"0x{refusal.Found:x}, and {refusal.Expected} bytes are needed",
        LeafRule.OperandInElrange => $"0x{refusal.Found:x}, and the enclave begins at 0x{refusal.Expected:x}",
        LeafRule.AepCanonical or LeafRule.TargetCanonical when refusal.Found != 0 => $"it is 0x{refusal.Found:x}",
        LeafRule.TcsAligned or LeafRule.TcsFlags or LeafRule.FrameCanonical => $"0x{refusal.Found:x}",
        LeafRule.Initialized or LeafRule.Mode64 or LeafRule.KeyAttribute => $"ATTRIBUTES is 0x{refusal.Found:x}",
        LeafRule.XfrmWithinXcr0 => $"XFRM is 0x{refusal.Found:x}, XCR0 0x{refusal.Expected:x}",
        LeafRule.AexNotifyAgrees => $"TCS.FLAGS is 0x{refusal.Found:x}, ATTRIBUTES 0x{refusal.Expected:x}",
        LeafRule.FrameFree => $"CSSA is {refusal.Found}, NSSA {refusal.Expected}",
        LeafRule.FrameUsed => $"CSSA is {refusal.Found}",
        LeafRule.SecinfoState => $"FLAGS is {Flags(refusal.Found)}",
        LeafRule.WriteNeedsRead or LeafRule.PageAttributes =>
            $"SECINFO has {Flags(refusal.Found)}{(refusal.Expected != 0 ? $", the page {Flags(refusal.Expected)}" : "")}",
        LeafRule.KeyrequestReserved or LeafRule.KeyrequestKss => $"KEYPOLICY is 0x{refusal.Found:x}",
        LeafRule.Keyname => $"it is {refusal.Found}",
        LeafRule.KeyIsvsvn => $"{refusal.Found} is asked for, the enclave has {refusal.Expected}",
        _ => null,
    };

    /// <summary>Type, permissions and state of a page.</summary>
    public static string Flags(ulong value) => MachineNames.OfEntry((SecinfoFlags)value);
}
