using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Processor.Keys;

namespace Cloister.Processor.Enclu;

/// <summary>
/// What an enclave of this machine could do with EREPORT and EGETKEY, without an enclave: for software that stands in for one. It shares
/// nothing with the machine that runs but what lasts, so that it may be used from any thread.
/// </summary>
public sealed class SoftwareEnclave
{
    private readonly ReportBody _identity;
    private readonly MachineKeys _keys;
    private readonly byte[] _cpusvn;

    /// <summary>An enclave of a machine.</summary>
    /// <param name="machine">Its root key, owner epoch and CPUSVN count.</param>
    /// <param name="identity">Who it is; CPUSVN and REPORTDATA do not count.</param>
    public SoftwareEnclave(MachineOptions machine, in ReportBody identity)
    {
        ArgumentNullException.ThrowIfNull(machine);
        _identity = identity;
        _keys = new MachineKeys(machine.RootKey.IsEmpty ? machine.NewRootKey() : machine.RootKey.Span, machine.OwnerEpoch.Span);
        _cpusvn = machine.Cpusvn.ToArray();
    }

    /// <summary>For whom another enclave has to make a REPORT that this one can verify.</summary>
    public Targetinfo Targetinfo => new()
    {
        Measurement = _identity.Mrenclave,
        Attributes = _identity.Attributes,
        Miscselect = _identity.Miscselect,
        Configid = _identity.Configid,
        Configsvn = _identity.Configsvn,
    };

    /// <summary>Whether a REPORT was made by EREPORT of this machine, for this enclave.</summary>
    public bool Verify(in Report report)
    {
        Span<byte> key = stackalloc byte[Cmac.Size];
        ReportKey.Derive(_keys, _cpusvn, Targetinfo, report.Keyid, key);
        return Cmac.Verify(key, MemoryMarshal.AsBytes(new ReadOnlySpan<ReportBody>(in report.Body)), report.Mac);
    }

    /// <summary>EREPORT.</summary>
    /// <param name="target">For whom.</param>
    /// <param name="reportdata">At most 64 bytes.</param>
    public Report Report(in Targetinfo target, ReadOnlySpan<byte> reportdata)
    {
        Report report = new() { Body = _identity };
        _cpusvn.CopyTo(report.Body.Cpusvn);
        report.Body.Reportdata = default;
        reportdata.CopyTo(report.Body.Reportdata);
        RandomNumberGenerator.Fill(report.Keyid);
        Span<byte> key = stackalloc byte[Cmac.Size];
        ReportKey.Derive(_keys, _cpusvn, target, report.Keyid, key);
        Cmac.Compute(key, MemoryMarshal.AsBytes(new ReadOnlySpan<ReportBody>(in report.Body)), report.Mac);
        return report;
    }

    /// <summary>EGETKEY, without its checks of the policy's form.</summary>
    /// <param name="request">Which key.</param>
    /// <param name="key">16 bytes.</param>
    /// <returns>The leaf's error.</returns>
    public SgxError Key(in Keyrequest request, Span<byte> key)
    {
        Secs secs = new()
        {
            Miscselect = _identity.Miscselect,
            Attributes = _identity.Attributes,
            Mrenclave = _identity.Mrenclave,
            Mrsigner = _identity.Mrsigner,
            Configid = _identity.Configid,
            Isvprodid = _identity.Isvprodid,
            Isvsvn = _identity.Isvsvn,
            Configsvn = _identity.Configsvn,
        };
        if (Egetkey.Refusal(_cpusvn, request, secs) is var error && error != SgxError.Success)
        {
            return error;
        }

        SecsExtension extension = new() { Isvfamilyid = _identity.Isvfamilyid, Isvextprodid = _identity.Isvextprodid };
        _keys.DeriveKey(Egetkey.Dependencies(_keys, _cpusvn, request, secs, extension), key);
        return SgxError.Success;
    }
}
