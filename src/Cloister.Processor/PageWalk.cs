using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>What the page tables say of one access.</summary>
public enum PageWalkKind
{
    /// <summary>No page is there: #PF with P = 0.</summary>
    NotPresent,

    /// <summary>A page is there and the page tables forbid this access: #PF with P = 1.</summary>
    Denied,

    /// <summary>A page of the EPC is there and the page tables allow the access.</summary>
    Epc,

    /// <summary>Ordinary memory is there and the page tables allow the access.</summary>
    Ordinary,
}

/// <summary>What the page tables say of one access, and the EPC page if it is one.</summary>
public readonly record struct PageWalk
{
    private PageWalk(PageWalkKind kind, EpcPage page) => (Kind, Page) = (kind, page);

    /// <summary>No page is there.</summary>
    public static PageWalk NotPresent => new(PageWalkKind.NotPresent, EpcPage.None);

    /// <summary>The page tables forbid it.</summary>
    public static PageWalk Denied => new(PageWalkKind.Denied, EpcPage.None);

    /// <summary>Ordinary memory.</summary>
    public static PageWalk Ordinary => new(PageWalkKind.Ordinary, EpcPage.None);

    /// <summary>Which case.</summary>
    public PageWalkKind Kind { get; }

    /// <summary>The EPC page when <see cref="Kind"/> is Epc, else none.</summary>
    public EpcPage Page { get; }

    /// <summary>A page of the EPC.</summary>
    public static PageWalk Epc(EpcPage page) => new(PageWalkKind.Epc, page);
}
