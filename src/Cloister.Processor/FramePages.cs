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

    /// <summary>The next page of the XSAVE area was found.</summary>
    public void Add(EpcPage page) => xsave.Add(page);

    /// <summary>The page that GPRSGX and MISC are in was found, the last.</summary>
    public void Complete(EpcPage page) => Gprsgx = page;
}
