using Cloister.Architecture;
using Cloister.Processor;

namespace Cloister.Lab;

/// <summary>Tells of each new enclave, after the observer behind it has heard of it.</summary>
internal sealed class ProgressObserver(IMachineObserver next, Action created) : IMachineObserver
{
    public void EnclsExecuted(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result)
    {
        next.EnclsExecuted(leaf, page, address, result);
        if (leaf == EnclsLeaf.Ecreate && result.IsSuccess)
        {
            created();
        }
    }

    public void Measured(EpcPage page, LinearAddress address, int length) => next.Measured(page, address, length);

    public void EncluExecuted(EncluLeaf leaf, LogicalProcessor processor, LinearAddress address, LeafResult result) =>
        next.EncluExecuted(leaf, processor, address, result);

    public void AexTaken(LogicalProcessor processor, ExceptionVector? vector, uint errorCode, LinearAddress address) =>
        next.AexTaken(processor, vector, errorCode, address);

    public void EnclaveRefused(EnclsLeaf leaf, EpcPage secs, ReadOnlySpan<byte> sigstruct, string field, string expected, string found) =>
        next.EnclaveRefused(leaf, secs, sigstruct, field, expected, found);
}
