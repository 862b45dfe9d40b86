using Cloister.Architecture;

namespace Cloister.Processor.Tests.Harness;

internal static class Expect
{
    public static void Success(LeafResult result) => Assert.Equal(LeafResult.Success, result);

    public static void Error(SgxError error, LeafResult result) => Assert.Equal(LeafResult.Of(error), result);

    public static void GeneralProtection(LeafResult result) => Assert.Equal(LeafResult.GeneralProtection, result);

    /// <summary>#PF of an ENCLS operand.</summary>
    public static void PageFault(LeafResult result) => Assert.Equal(LeafResult.PageFault, result);

    /// <summary>#PF of an ENCLU operand.</summary>
    public static void PageFault(LinearAddress address, PageFaultErrorCode code, LeafResult result)
        => Assert.Equal(LeafResult.Of(Fault.PageFault(address, code)), result);
}
