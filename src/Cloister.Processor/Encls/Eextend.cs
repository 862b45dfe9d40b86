using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EEXTEND]. SDM 3D, EEXTEND.</summary>
public static class Eextend
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page, int offsetInPage)
        => throw new NotImplementedException();

    /// <summary>Executes the leaf on the 16 chunks of a page, in order.</summary>
    public static LeafResult ExecutePage(SgxMachine machine, EpcPage page)
        => throw new NotImplementedException();
}
