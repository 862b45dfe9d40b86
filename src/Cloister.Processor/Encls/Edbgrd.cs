using Cloister.Architecture;

namespace Cloister.Processor.Encls;

/// <summary>ENCLS[EDBGRD]. SDM 3D, EDBGRD.</summary>
public static class Edbgrd
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, EpcPage page, int offsetInPage, out ulong value)
        => throw new NotImplementedException();
}
