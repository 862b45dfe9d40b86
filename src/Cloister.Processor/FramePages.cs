using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>
/// The EPC pages of one state save area frame: CR_XSAVE_PAGE_n and CR_GPR_PA. The processor finds them at entry, so that
/// an asynchronous exit cannot fault. SDM 3D, EENTER.
/// </summary>
internal sealed class FramePages
{
    private readonly List<EpcPage> xsave = [];

    /// <summary>The page that GPRSGX and MISC are in.</summary>
    public EpcPage Gprsgx { get; private set; } = EpcPage.None;

    /// <summary>Whether the pages are known.</summary>
    public bool IsKnown => !Gprsgx.IsNone;

    /// <summary>The pages that the XSAVE area is in.</summary>
    public IReadOnlyList<EpcPage> Xsave => xsave;

    public void Forget()
    {
        xsave.Clear();
        Gprsgx = EpcPage.None;
    }

    public void CopyFrom(FramePages other)
    {
        Forget();
        xsave.AddRange(other.xsave);
        Gprsgx = other.Gprsgx;
    }

    /// <summary>Finds the pages of a frame as EENTER, ERESUME and EDECCSSA do; each must be readable and writable.</summary>
    public Fault? Find(SgxMachine machine, ILinearMemory memory, EpcPage secsPage, in Tcs tcs, uint frame)
    {
        Forget();
        ref readonly Secs secs = ref machine.SecsOf(secsPage);
        LinearAddress begin = StateSaveArea.Frame(secs, tcs, frame);
        int size = machine.Options.Xsave.SizeOf(secs.Attributes.Xfrm);
        for (int offset = 0; offset < size; offset += LinearAddress.PageSize)
        {
            if (FindPage(machine, memory, secsPage, begin + (ulong)offset, out EpcPage page) is { } fault)
            {
                return fault;
            }

            xsave.Add(page);
        }

        Fault? gprsgxFault = FindPage(machine, memory, secsPage, StateSaveArea.FrameGprsgx(secs, tcs, frame), out EpcPage gprsgx);
        Gprsgx = gprsgxFault is null ? gprsgx : EpcPage.None;
        return gprsgxFault;
    }

    /// <summary>
    /// Finds the pages in the EPCM, for a thread that entered by a fast path. They are there: neither EWB nor EREMOVE takes
    /// a page while a thread is inside that entered before. What else was done to them since (EMODPR, EMODT) does not matter:
    /// the processor found them when the thread entered.
    /// </summary>
    public void FindInEpcm(SgxMachine machine, EpcPage secsPage, in Tcs tcs, uint frame)
    {
        Forget();
        ref readonly Secs secs = ref machine.SecsOf(secsPage);
        LinearAddress begin = StateSaveArea.Frame(secs, tcs, frame);
        int size = machine.Options.Xsave.SizeOf(secs.Attributes.Xfrm);
        for (int offset = 0; offset < size; offset += LinearAddress.PageSize)
        {
            xsave.Add(FindPageInEpcm(machine, secsPage, begin + (ulong)offset));
        }

        Gprsgx = FindPageInEpcm(machine, secsPage, StateSaveArea.FrameGprsgx(secs, tcs, frame).PageBase);
    }

    private static Fault? FindPage(SgxMachine machine, ILinearMemory memory, EpcPage secs, LinearAddress address, out EpcPage page)
    {
        // SDM 3D, EENTER: the page is readable and writable, in the EPC, valid, not blocked, not pending, not modified,
        // of this enclave, at this address, PT_REG, with R and W.
        if (AccessCheck.Check(machine, secs, memory, address, AccessKind.Write, out page) is { } fault)
        {
            return fault;
        }

        return machine.Epcm[page].R ? null : AccessCheck.EpcmFault(address, AccessKind.Read);
    }

    private static EpcPage FindPageInEpcm(SgxMachine machine, EpcPage secsPage, LinearAddress address) => machine.Epcm.Find(secsPage, address)
        ?? throw new InvalidOperationException($"No page of the state save area at {address}, though a thread is inside.");
}
