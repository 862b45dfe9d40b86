using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Images;
using Cloister.Processor;

namespace Cloister.Cli.Running;

/// <summary>
/// Says in two lines why ECREATE, EADD or EINIT refused an enclave, and passes everything on to the observer that was there.
/// </summary>
internal sealed class RefusalReport(SgxMachine machine, IMachineObserver next, Action<string> line) : IMachineObserver
{
    /// <summary>The enclave file as it was signed, to name a page by; null for none.</summary>
    public string? Against { get; init; }

    public void EnclsExecuted(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result) =>
        next.EnclsExecuted(leaf, page, address, result);

    public void Measured(EpcPage page, LinearAddress address, int length) => next.Measured(page, address, length);

    public void EncluExecuted(EncluLeaf leaf, LogicalProcessor processor, LinearAddress address, LeafResult result) =>
        next.EncluExecuted(leaf, processor, address, result);

    public void AexTaken(LogicalProcessor processor, ExceptionVector? vector, uint errorCode, LinearAddress address) =>
        next.AexTaken(processor, vector, errorCode, address);

    public void KeyRequested(in Keyrequest request, LeafResult result) => next.KeyRequested(in request, result);

    public void EnclaveRefused(EnclsLeaf leaf, EpcPage secs, ReadOnlySpan<byte> sigstruct, string field, string expected, string found)
    {
        next.EnclaveRefused(leaf, secs, sigstruct, field, expected, found);
        (string what, string why) = leaf switch
        {
            EnclsLeaf.Ecreate => ($"ECREATE refused the SECS: {field} is not legal on this machine", $"expected {expected}, found {found}"),
            EnclsLeaf.Eadd => ("EADD refused a page, for it is no legal TCS", $"{field}: expected {expected}, found {found}"),
            _ => OfEinit(secs, MemoryMarshal.Read<Sigstruct>(sigstruct), field, expected, found),
        };
        line(what);
        line($"  {why}");
    }

    private (string What, string Why) OfEinit(EpcPage secs, in Sigstruct sigstruct, string field, string expected, string found)
    {
        // What is wrong with the SIGSTRUCT by itself comes first, as in EINIT.
        if (SigstructChecks.Run(in sigstruct, 0).FirstOrDefault(check => !check.Passed) is { } wrong)
        {
            Check told = SigstructDamage.Find(in sigstruct) is { } damage
                ? wrong with
                {
                    Where = $"{damage.Field}, SIGSTRUCT offset {damage.Offset}",
                    Expected = $"{damage.Signed:x2}, as it was signed",
                    Found = $"{damage.Found:x2}",
                }
                : wrong with { Where = wrong.Where[..wrong.Where.LastIndexOf(',')] };
            return ($"EINIT refused the SIGSTRUCT, for its check of {wrong.Name} fails",
                $"{told.Where}: expected {told.Expected}, found {told.Found}");
        }

        if (field != "MRENCLAVE")
        {
            return ($"EINIT refused the enclave, for {field} is not as it must be", $"expected {expected}, found {found}");
        }

        string why = Against is { } path
            ? RefusedPages.Explain(machine, secs, path, expected)
            : "the hash alone does not tell which page; `cloister run --against FILE` does, with the file as it was signed";
        return ($"EINIT refused the enclave, for its pages are not those that were signed: ENCLAVEHASH {expected}, measured {found}", why);
    }
}
