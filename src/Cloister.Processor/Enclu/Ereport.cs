using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Processor.Keys;

namespace Cloister.Processor.Enclu;

/// <summary>
/// ENCLU[EREPORT]: reports on this enclave to another of the same machine. SDM 3D, EREPORT.
/// RBX is a TARGETINFO, RCX 64 bytes of the enclave's own, RDX where the REPORT goes.
/// </summary>
public static class Ereport
{
    private const int ReportdataAlignment = 128;
    private const int OutputAlignment = 512;

    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
    {
        if (LeafSteps.Refuse(machine, processor, EncluLeaf.Ereport) is { } refusal)
        {
            return refusal;
        }

        LeafResult result = Run(machine, processor, memory);
        if (result.IsSuccess)
        {
            LeafSteps.Advance(processor.Registers);
        }

        var address = new LinearAddress(processor.Registers.Rdx);
        return LeafSteps.Tell(machine, processor, EncluLeaf.Ereport, address, result);
    }

    private static LeafResult Run(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory)
    {
        Registers registers = processor.Registers;

        // SDM 3D, EREPORT: TARGETINFO's address and page, then its reserved fields.
        if (Operand.Find(machine, processor, memory, new LinearAddress(registers.Rbx), Targetinfo.SizeInBytes, AccessKind.Read,
            out Span<byte> targetinfo) is { } targetRefusal)
        {
            return targetRefusal;
        }

        Targetinfo target = MemoryMarshal.Read<Targetinfo>(targetinfo);
        bool reserved = target.CetAttributes == 0 && target.Reserved1 == 0 && target.Reserved2 == 0 && Zero.Is(target.Reserved3);
        if (!reserved)
        {
            return machine.Refuse(LeafRule.TargetinfoReserved);
        }

        // SDM 3D, EREPORT: REPORTDATA's address and page, then OUTPUTDATA's.
        if (Operand.Find(machine, processor, memory, new LinearAddress(registers.Rcx), ReportdataAlignment, AccessKind.Read,
            out Span<byte> reportdata) is { } dataRefusal)
        {
            return dataRefusal;
        }

        if (Operand.Find(machine, processor, memory, new LinearAddress(registers.Rdx), OutputAlignment, AccessKind.Write,
            out Span<byte> output) is { } outputRefusal)
        {
            return outputRefusal;
        }

        Report report = Describe(machine, processor.Secs);
        reportdata[..64].CopyTo(report.Body.Reportdata);
        Span<byte> key = stackalloc byte[Cmac.Size];
        ReportKey.Derive(machine.Keys, machine.Cpusvn, target, report.Keyid, key);
        Cmac.Compute(key, MemoryMarshal.AsBytes(new ReadOnlySpan<ReportBody>(in report.Body)), report.Mac);
        CryptographicOperations.ZeroMemory(key);
        MemoryMarshal.Write(output, in report);
        return LeafResult.Success;
    }

    private static Report Describe(SgxMachine machine, EpcPage secsPage)
    {
        ref readonly Secs secs = ref machine.SecsOf(secsPage);
        ref readonly SecsExtension extension = ref machine.ExtensionOf(secsPage);
        Report report = new()
        {
            Body =
            {
                Miscselect = secs.Miscselect,
                Attributes = secs.Attributes,
                Mrenclave = secs.Mrenclave,
                Mrsigner = secs.Mrsigner,
                Configid = secs.Configid,
                Isvprodid = secs.Isvprodid,
                Isvsvn = secs.Isvsvn,
                Configsvn = secs.Configsvn,
                Isvextprodid = extension.Isvextprodid,
                Isvfamilyid = extension.Isvfamilyid,
            },
        };
        machine.Cpusvn.CopyTo(report.Body.Cpusvn);
        machine.Keys.ReportKeyid.CopyTo(report.Keyid);
        return report;
    }
}
