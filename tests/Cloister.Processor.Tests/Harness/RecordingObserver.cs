using Cloister.Architecture;

namespace Cloister.Processor.Tests.Harness;

internal sealed class RecordingObserver : IMachineObserver
{
    public List<string> Heard { get; } = [];

    public void EnclsExecuted(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result)
        => Heard.Add($"{leaf} {page} {address} {result}");

    public void EncluExecuted(EncluLeaf leaf, LogicalProcessor processor, LinearAddress address, LeafResult result)
        => Heard.Add($"{leaf} {address} {result}");

    public void AexTaken(LogicalProcessor processor, ExceptionVector? vector, uint errorCode, LinearAddress address)
        => Heard.Add($"AEX {vector} {errorCode:x} {address}");

    public void EnclaveRefused(EnclsLeaf leaf, EpcPage secs, ReadOnlySpan<byte> sigstruct, string field, string expected, string found)
        => Heard.Add($"{leaf} refused: {field}: expected {expected}, found {found}");
}
