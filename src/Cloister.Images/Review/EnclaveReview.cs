using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>Looks at an enclave as a reviewer does before it goes into production.</summary>
public static class EnclaveReview
{
    private static readonly string[] SimulationNames = ["_sim", "sgx_create_enclave_sim", "libsgx_urts_sim"];

    /// <summary>What is to be raised, in no order of weight.</summary>
    /// <param name="image">The file.</param>
    /// <param name="variant">Which enclave of it.</param>
    /// <param name="map">Its pages, or null when the file does not hold them.</param>
    /// <exception cref="ImageException">The file is not whole.</exception>
    public static IReadOnlyList<Finding> Run(EnclaveImage image, EnclaveVariant variant, PageMap? map)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(variant);
        var findings = new List<Finding>();
        if (variant.Sigstruct is { } sigstruct)
        {
            AddSigstruct(findings, in sigstruct);
        }
        else
        {
            findings.Add(new("unsigned", "there is no SIGSTRUCT: nobody answers for this enclave"));
        }

        if (map is not null)
        {
            AddPages(findings, map);
        }

        if (image.Code.Count > 0 && EncluSearch.Count(image) == 0)
        {
            findings.Add(
                new("no-enclu", "no ENCLU instruction (0f 01 d7) in the code: it cannot leave an enclave, so it was not built for one"));
        }

        foreach (string name in image.Imports.Where(IsSimulation).Take(3))
        {
            findings.Add(new("simulation", $"the symbol {name} belongs to a simulation build"));
        }

        findings.AddRange(variant.Notes.Select(note => new Finding("format", note)));
        return findings;
    }

    private static void AddSigstruct(List<Finding> findings, in Sigstruct s)
    {
        AttributeFlags flags = s.Attributes.Flags;
        AttributeFlags mask = s.Attributemask.Flags;
        if ((flags & AttributeFlags.Debug) != 0)
        {
            findings.Add(new("debug", "DEBUG is set: whoever runs it reads and writes its memory"));
        }
        else if ((mask & AttributeFlags.Debug) == 0)
        {
            findings.Add(new("debug-allowed",
                "ATTRIBUTEMASK leaves DEBUG open: whoever runs it may choose DEBUG, so a verifier must look at the report's attributes"));
        }

        if ((flags & AttributeFlags.ProvisionKey) != 0)
        {
            findings.Add(new("provisionkey", "PROVISIONKEY is set: it can derive keys that name the machine"));
        }

        if ((flags & AttributeFlags.EinittokenKey) != 0)
        {
            findings.Add(new("einittokenkey", "EINITTOKEN_KEY is set: it may launch other enclaves"));
        }

        if (s.Isvsvn == 0)
        {
            findings.Add(new("svn-0", "ISVSVN is 0: no older version can be told from it"));
        }

        string mrsigner = SigstructText.Mrsigner(in s);
        if (KnownSigner.FindTestKey(mrsigner) is { } owner)
        {
            findings.Add(new("test-key", $"signed with {owner}, whose private half is public"));
        }

        if (SigstructText.ReadDate(s.Date, out bool swapped) is not null && swapped)
        {
            findings.Add(new("date-swapped", $"DATE is 0x{s.Date:x8}: {SigstructText.DescribeDate(s.Date)}"));
        }

        if (s.Vendor == 0x8086)
        {
            findings.Add(new("vendor-intel", "VENDOR says Intel; nothing but the signer's key can say so"));
        }

        IReadOnlyList<Check> failed = [.. SigstructChecks.Run(in s, 0).Where(check => !check.Passed)];
        if (failed.Count > 0)
        {
            findings.Add(
                new("bad-sigstruct", $"EINIT refuses the SIGSTRUCT: {string.Join(", ", failed.Select(check => check.Name))}; see verify"));
        }
    }

    private static void AddPages(List<Finding> findings, PageMap map)
    {
        const SecinfoFlags both = SecinfoFlags.W | SecinfoFlags.X;
        foreach (PageRun run in map.Runs.Where(run => (run.Flags & both) == both).Take(4))
        {
            findings.Add(new("writable-code", $"{run.Count} pages of {run.Name} at 0x{run.Offset:x} are writable and executable"));
        }

        foreach (PageRun run in map.Runs.Where(run => (run.Flags & SecinfoFlags.X) != 0 && !run.IsMeasured).Take(4))
        {
            findings.Add(new("unmeasured-code", $"{run.Count} executable pages of {run.Name} at 0x{run.Offset:x} are not measured"));
        }

        if (map.Tcs.Count == 0)
        {
            findings.Add(new("no-tcs", "there is no TCS: no thread can enter"));
        }

        CheckTcs(findings, map);
    }

    private static void CheckTcs(List<Finding> findings, PageMap map)
    {
        byte[] page = new byte[LinearAddress.PageSize];
        foreach (PageRun run in map.Runs.Where(run => run.PageType == PageType.Tcs).Take(64))
        {
            run.Content.Read(0, page);
            Tcs tcs = System.Runtime.InteropServices.MemoryMarshal.Read<Tcs>(page);
            if ((tcs.Flags & TcsFlags.Dbgoptin) != 0)
            {
                findings.Add(new("tcs-dbgoptin", $"the TCS at 0x{run.Offset:x} opts in to debugging"));
            }

            if (!map.Runs.Any(code => (code.Flags & SecinfoFlags.X) != 0 && tcs.Oentry >= code.Offset && tcs.Oentry < code.End))
            {
                findings.Add(new("tcs-entry", $"the TCS at 0x{run.Offset:x} enters at 0x{tcs.Oentry:x}, where no executable page is"));
            }
        }
    }

    private static bool IsSimulation(string name) =>
        SimulationNames.Any(part => name.EndsWith(part, StringComparison.Ordinal) || name == part);
}
