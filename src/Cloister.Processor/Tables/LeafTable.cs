using System.Text;
using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Enclu;

namespace Cloister.Processor;

/// <summary>Every leaf function that the machine has. The page of what is supported is made from it.</summary>
public static class LeafTable
{
    private const string Sgx1 = "SGX1";
    private const string Sgx2 = "SGX2";
    private const string Oversubscription = "CPUID.12H.0:EAX[6]";
    private const string ShadowStack = "PT_SS_FIRST and PT_SS_REST are refused: the machine has no CET.";

    /// <summary>The rows, by instruction and number.</summary>
    public static IReadOnlyList<LeafRow> Rows { get; } =
    [
        Row(EnclsLeaf.Ecreate, typeof(Ecreate), Sgx1, "CET attributes are refused: the machine has no CET."),
        Row(EnclsLeaf.Eadd, typeof(Eadd), Sgx1, ShadowStack),
        Row(EnclsLeaf.Einit, typeof(Einit), Sgx1, "Never answers SGX_UNMASKED_EVENT: it is not interrupted."),
        Row(EnclsLeaf.Eremove, typeof(Eremove), Sgx1),
        Row(EnclsLeaf.Edbgrd, typeof(Edbgrd), Sgx1, "Reads 8 bytes; the 4 bytes of 32-bit mode are not modelled."),
        Row(EnclsLeaf.Edbgwr, typeof(Edbgwr), Sgx1, "Writes 8 bytes; the 4 bytes of 32-bit mode are not modelled."),
        Row(EnclsLeaf.Eextend, typeof(Eextend), Sgx1),
        Row(EnclsLeaf.Eldb, typeof(Eldb), Sgx1, ShadowStack),
        Row(EnclsLeaf.Eldu, typeof(Eldu), Sgx1, ShadowStack),
        Row(EnclsLeaf.Eblock, typeof(Eblock), Sgx1),
        Row(EnclsLeaf.Epa, typeof(Epa), Sgx1),
        Row(EnclsLeaf.Ewb, typeof(Ewb), Sgx1),
        Row(EnclsLeaf.Etrack, typeof(Etrack), Sgx1),
        Row(EnclsLeaf.Eaug, typeof(Eaug), Sgx2, ShadowStack),
        Row(EnclsLeaf.Emodpr, typeof(Emodpr), Sgx2),
        Row(EnclsLeaf.Emodt, typeof(Emodt), Sgx2),
        Row(EnclsLeaf.Erdinfo, typeof(Erdinfo), Oversubscription, "ENCLAVECONTEXT is 4096 times the number of the SECS's EPC page."),
        Row(EnclsLeaf.Etrackc, typeof(Etrackc), Oversubscription),
        Row(EnclsLeaf.Eldbc, typeof(Eldbc), Oversubscription, ShadowStack),
        Row(EnclsLeaf.Elduc, typeof(Elduc), Oversubscription, ShadowStack),
        Row(EnclsLeaf.Eupdatesvn, typeof(Eupdatesvn), "CPUID.12H.0:EAX[10]", "Never answers SGX_INSUFFICIENT_ENTROPY."),
        Row(EncluLeaf.Ereport, typeof(Ereport), Sgx1),
        Row(EncluLeaf.Egetkey, typeof(Egetkey), Sgx1,
            "The derivation is AES-CMAC with a root key of the machine; hardware's is not public."),
        Row(EncluLeaf.Eenter, typeof(Eenter), Sgx1, "64-bit mode only."),
        Row(EncluLeaf.Eresume, typeof(Eresume), Sgx1, "64-bit mode only."),
        Row(EncluLeaf.Eexit, typeof(Eexit), Sgx1, "64-bit mode only."),
        Row(EncluLeaf.Eaccept, typeof(Eaccept), Sgx2, ShadowStack),
        Row(EncluLeaf.Emodpe, typeof(Emodpe), Sgx2),
        Row(EncluLeaf.Eacceptcopy, typeof(Eacceptcopy), Sgx2),
        Row(EncluLeaf.Edeccssa, typeof(Edeccssa), "CPUID.12H.0:EAX[11]"),
    ];

    /// <summary>The rows as a table of Markdown, ending in a line feed.</summary>
    public static string RenderMarkdown()
    {
        var text = new StringBuilder(
            "| Instruction | EAX | Leaf | Offered by | Rules | Differences from hardware |\n|---|---|---|---|---|---|\n");
        foreach (LeafRow row in Rows)
        {
            string differences = row.Differences.Length == 0 ? "none known" : row.Differences;
            text.Append($"| {row.Instruction} | {row.Number:x2}H | {row.Name} | {row.Feature} | {row.Citation} | {differences} |\n");
        }

        return text.ToString();
    }

    private static LeafRow Row(EnclsLeaf leaf, Type type, string feature, string differences = "")
        => new("ENCLS", (uint)leaf, leaf.ToString().ToUpperInvariant(), type, feature, Citation(leaf), differences);

    private static LeafRow Row(EncluLeaf leaf, Type type, string feature, string differences = "")
        => new("ENCLU", (uint)leaf, leaf.ToString().ToUpperInvariant(), type, feature,
            $"SDM 3D, {leaf.ToString().ToUpperInvariant()}", differences);

    private static string Citation(EnclsLeaf leaf) => leaf switch
    {
        EnclsLeaf.Eldb or EnclsLeaf.Eldu or EnclsLeaf.Eldbc or EnclsLeaf.Elduc => "SDM 3D, ELDB/ELDU/ELDBC/ELDUC",
        EnclsLeaf.Eupdatesvn => "Intel, EUPDATESVN specification",
        _ => $"SDM 3D, {leaf.ToString().ToUpperInvariant()}",
    };
}
