using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EDBGWR]. SDM 3D, EDBGWR.</summary>
public static class Edbgwr
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page, int offsetInPage, ulong value)
        => throw new NotImplementedException();
}
