using Cloister.Architecture;
using Cloister.Cli.Platforms;
using Cloister.Processor;

namespace Cloister.Cli.Running;

/// <summary>
/// Says once that an enclave asks for a key which another platform gave: what was sealed there does not open here, and the enclave sees no
/// more than a wrong MAC. A seal key is known by the KEYID of its request, which a library makes anew each time that it seals.
/// </summary>
internal sealed class SealReport(IMachineObserver next, SealKeyJournal journal, Func<string> cpusvn, Action<string> line) : IMachineObserver
{
    private bool _said;

    public void EnclsExecuted(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result) =>
        next.EnclsExecuted(leaf, page, address, result);

    public void Measured(EpcPage page, LinearAddress address, int length) => next.Measured(page, address, length);

    public void EncluExecuted(EncluLeaf leaf, LogicalProcessor processor, LinearAddress address, LeafResult result) =>
        next.EncluExecuted(leaf, processor, address, result);

    public void AexTaken(LogicalProcessor processor, ExceptionVector? vector, uint errorCode, LinearAddress address) =>
        next.AexTaken(processor, vector, errorCode, address);

    public void EnclaveRefused(EnclsLeaf leaf, EpcPage secs, ReadOnlySpan<byte> sigstruct, string field, string expected, string found) =>
        next.EnclaveRefused(leaf, secs, sigstruct, field, expected, found);

    public void KeyRequested(in Keyrequest request, LeafResult result)
    {
        next.KeyRequested(in request, result);
        if (request.Keyname != KeyName.Seal)
        {
            return;
        }

        string? other = result.IsSuccess ? journal.Note(request.Keyid) : null;
        if (_said)
        {
            return;
        }

        string? said = other is not null
            ? $"an enclave asks for a seal key that {other} gave before, and this platform did not: what was sealed there does not open here"
            : result.Error == SgxError.InvalidCpusvn
            ? $"an enclave asks for a seal key of CPUSVN {Convert.ToHexStringLower(request.Cpusvn)}, which this platform has not: it has {cpusvn()} (`cloister platform update` changes that of a platform)"
            : null;
        if (said is not null)
        {
            _said = true;
            line(said);
        }
    }
}
