using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>Finds the pages of a state save area frame as EENTER, ERESUME and EDECCSSA do; each must be readable and writable.</summary>
internal static class FrameSearch
{
    /// <summary>Fills a processor's pages in; when there is a fault they are to be forgotten.</summary>
    public static Fault? Find(FramePages pages, SgxMachine machine, ILinearMemory memory, in TcsOperand operand, uint frame)
    {
        pages.Forget();
        ref readonly Secs secs = ref operand.Secs;
        LinearAddress begin = StateSaveArea.Frame(secs, operand.Tcs, frame);
        int size = machine.Options.Xsave.SizeOf(secs.Attributes.Xfrm);
        for (int offset = 0; offset < size; offset += LinearAddress.PageSize)
        {
            if (FindPage(machine, memory, operand.SecsPage, begin + (ulong)offset, out EpcPage page) is { } fault)
            {
                return fault;
            }

            pages.Add(page);
        }

        if (FindPage(machine, memory, operand.SecsPage, StateSaveArea.FrameGprsgx(secs, operand.Tcs, frame),
            out EpcPage gprsgx) is { } gprsgxFault)
        {
            return gprsgxFault;
        }

        pages.Complete(gprsgx);
        return null;
    }

    /// <summary>
    /// Finds the pages in the EPCM, for a thread that entered by a fast path. They are there: neither EWB nor EREMOVE takes
    /// a page while a thread is inside that entered before. What else was done to them since (EMODPR, EMODT) does not matter:
    /// the processor found them when the thread entered.
    /// </summary>
    public static void FindInEpcm(FramePages pages, SgxMachine machine, in TcsOperand operand, uint frame)
    {
        pages.Forget();
        ref readonly Secs secs = ref operand.Secs;
        LinearAddress begin = StateSaveArea.Frame(secs, operand.Tcs, frame);
        int size = machine.Options.Xsave.SizeOf(secs.Attributes.Xfrm);
        for (int offset = 0; offset < size; offset += LinearAddress.PageSize)
        {
            pages.Add(FindPageInEpcm(machine, operand.SecsPage, begin + (ulong)offset));
        }

        pages.Complete(FindPageInEpcm(machine, operand.SecsPage, StateSaveArea.FrameGprsgx(secs, operand.Tcs, frame).PageBase));
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

    private static EpcPage FindPageInEpcm(SgxMachine machine, EpcPage secsPage, LinearAddress address) =>
        machine.Epcm.Find(secsPage, address)
        ?? throw new InvalidOperationException($"No page of the state save area at {address}, though a thread is inside.");
}
