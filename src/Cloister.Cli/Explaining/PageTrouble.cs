using Cloister.Architecture;
using Cloister.Engine.Observers;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Cli.Explaining;

/// <summary>What stood against an access to a page: mapping, driver or EPCM.</summary>
/// <param name="How">The case, as <see cref="ExceptionCases"/> has it.</param>
/// <param name="Values">The values on both sides.</param>
internal sealed record PageTrouble(string How, string Values)
{
    /// <summary>The case where nothing was ever added, or was removed.</summary>
    public const string NoPage = "there is no page";

    /// <summary>The case where the driver was asked for the page, in vain.</summary>
    public const string NotBrought = "the driver could not bring the page";

    /// <summary>Looks.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="thread">The thread, which has left the enclave by now.</param>
    /// <param name="address">What it wanted to access.</param>
    /// <param name="code">The error code of the fault.</param>
    public static PageTrouble Of(SgxMachine machine, IObservedThread thread, LinearAddress address, PageFaultErrorCode code)
    {
        string access = code.HasFlag(PageFaultErrorCode.InstructionFetch) ? "execute" : code.HasFlag(PageFaultErrorCode.Write)
            ? "write" : "read";
        LogicalProcessor processor = thread.Processor;
        if (address - processor.EnclaveBase >= processor.EnclaveSize)
        {
            return new PageTrouble("host memory",
                $"{access} of 0x{address.Value:x}, which is outside of the enclave (0x{processor.EnclaveBase.Value:x} to 0x{processor.EnclaveBase.Value + processor.EnclaveSize:x})");
        }

        string what = $"{access} of the enclave's page 0x{address.PageBase - processor.EnclaveBase:x}";
        ObservedPage page = thread.PageAt(address.Value);
        if (!page.IsMapped)
        {
            return new PageTrouble("nothing is mapped there", what);
        }

        int needed = access switch { "execute" => MemoryProtection.Execute, "write" => MemoryProtection.Write, _ => 0 };
        if (page.Protection == MemoryProtection.None || (page.Protection & needed) != needed)
        {
            return new PageTrouble("the mapping does not allow it",
                $"{what}, and the mapping has {MachineNames.Permissions(page.Protection)}");
        }

        if (!page.IsPresent || !machine.Epcm.Contains(page.Page))
        {
            return code.HasFlag(PageFaultErrorCode.Present)
                ? new PageTrouble(NotBrought, what)
                : new PageTrouble(NoPage, what);
        }

        ref readonly EpcmEntry entry = ref machine.Epcm[page.Page];
        string has = $"{what}, and the EPCM has {LeafCases.Flags((ulong)entry.SecinfoFlags)}";
        return entry switch
        {
            { Valid: false } => new PageTrouble(NotBrought, $"{what}, whose EPC page is not valid any more"),
            { Pending: true } => new PageTrouble("the page is not accepted yet", has),
            { PageType: not PageType.Reg } =>
                new PageTrouble(entry.Modified ? "a change of the page is not accepted yet"
                    : "the page is no memory of the enclave's", has),
            { Modified: true } => new PageTrouble("a change of the page is not accepted yet", has),
            _ => new PageTrouble("the page has not the permission", has),
        };
    }
}
