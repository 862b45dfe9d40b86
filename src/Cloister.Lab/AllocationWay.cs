using Cloister.Driver;

namespace Cloister.Lab;

/// <summary>A way to give an enclave its pages: one side of the argument in the threads of February and March 2022.</summary>
/// <param name="Id">Its name on the command line and in JSON.</param>
/// <param name="Title">Its name in tables and charts.</param>
/// <param name="Generation">The driver's interface that it needs.</param>
/// <param name="Description">What happens, in a sentence.</param>
public sealed record AllocationWay(string Id, string Title, Generation Generation, string Description)
{
    /// <summary>Page-fault EAUG, access first. V2 19/32: "the page fault handler would add the page on the first write".</summary>
    public static AllocationWay Access { get; } = new("access", "access first", Generation.V6_0,
        "the enclave touches a page, the page fault adds it (EAUG), a second fault leaves the enclave, whose handler accepts the page");

    /// <summary>Page-fault EAUG, EACCEPT first. V2 19/32: "run ENCLU[EACCEPT] on an uninitialized address".</summary>
    public static AllocationWay Accept { get; } = new("accept", "EACCEPT first", Generation.V6_0,
        "the enclave accepts a page that is not there, the page fault adds it (EAUG), EACCEPT runs again");

    /// <summary>MAP_POPULATE. V2 16/32, 3 March 2022: "can pre-fault all the EAUG pages".</summary>
    public static AllocationWay Populate { get; } = new("populate", "MAP_POPULATE", Generation.EdmmAugment,
        "mmap with MAP_POPULATE adds and maps every page of the range before the first is used");

    /// <summary>AUGMENT_PAGES over the whole range. V2 16/32, 3 March 2022: "do EAUG's explicitly with an ioctl".</summary>
    public static AllocationWay Augment { get; } = new("augment", "AUGMENT all", Generation.EdmmAugment,
        "one AUGMENT_PAGES ioctl adds every page of the range before the first is used");

    /// <summary>
    /// AUGMENT_PAGES at each need. V2 16/32: "enclave calls back to host to do mmap()", which "does eaug on given range".
    /// </summary>
    public static AllocationWay AugmentEach { get; } = new("augment-each", "AUGMENT each", Generation.EdmmAugment,
        "the enclave leaves for each new page, the host adds it by AUGMENT_PAGES and enters again");

    /// <summary>Static pages. V3 00/30: "an enclave needs to be created with the maximum".</summary>
    public static AllocationWay Static { get; } = new("static", "static pages", Generation.V6_0,
        "every page of the range is added and measured before EINIT (EADD and EEXTEND), as with SGX1");

    /// <summary>All of them, in the order of reports.</summary>
    public static IReadOnlyList<AllocationWay> All { get; } = [Access, Accept, Populate, Augment, AugmentEach, Static];

    /// <summary>The way of a name, or null.</summary>
    public static AllocationWay? Find(string id) => All.FirstOrDefault(way => way.Id == id);
}
