using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>Verifies an enclave file: its signature as EINIT does, its hash against its content, and a policy.</summary>
public static class EnclaveVerifier
{
    /// <summary>All checks of one enclave of a file. It is what it says when all of them passed.</summary>
    /// <exception cref="ImageException">The file is not whole.</exception>
    public static IReadOnlyList<Check> Verify(
        EnclaveImage image,
        EnclaveVariant variant,
        VerificationPolicy policy,
        IProgress<ulong>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(variant);
        ArgumentNullException.ThrowIfNull(policy);
        if (variant.Sigstruct is not { } sigstruct)
        {
            return [new Check("signed", false, "a SIGSTRUCT", "none", variant.Name)];
        }

        long at = variant.SigstructOffset ?? 0;
        var checks = new List<Check>(SigstructChecks.Run(in sigstruct, at));
        string enclavehash = SigstructText.Enclavehash(in sigstruct);
        string where = $"ENCLAVEHASH, SIGSTRUCT offset 960, file offset 0x{at + 960:x}";
        if (variant.Pages is not null)
        {
            MeasureResult measured = EnclaveMeasurer.Measure(image, variant, null, progress, cancellation);
            checks.Add(new Check("content", measured.Text == enclavehash, enclavehash, measured.Text,
                $"{measured.Pages} pages against {where}"));
        }
        else if (image.Format != ImageFormat.Sigstruct)
        {
            // A signature over content that nobody looked at proves nothing of this file.
            checks.Add(new Check("content", false, enclavehash, $"not measured: {variant.PagesMissing}", where));
        }

        AddPolicy(checks, image, variant, in sigstruct, policy, where, at);
        return checks;
    }

    private static void AddPolicy(
        List<Check> checks,
        EnclaveImage image,
        EnclaveVariant variant,
        in Sigstruct sigstruct,
        VerificationPolicy policy,
        string hashPlace,
        long at)
    {
        string enclavehash = SigstructText.Enclavehash(in sigstruct);
        if (policy.Mrenclave.Count > 0)
        {
            checks.Add(OneOf("mrenclave", policy.Mrenclave, enclavehash, hashPlace));
        }

        string mrsigner = SigstructText.Mrsigner(in sigstruct);
        if (policy.Mrsigner.Count > 0)
        {
            checks.Add(OneOf("mrsigner", policy.Mrsigner, mrsigner, "SHA-256 of MODULUS"));
        }

        if (policy.Isvprodid is { } product)
        {
            checks.Add(new Check("isvprodid", sigstruct.Isvprodid == product, $"{product}", $"{sigstruct.Isvprodid}",
                $"ISVPRODID, file offset 0x{at + 1024:x}"));
        }

        if (policy.MinimumIsvsvn is { } svn)
        {
            checks.Add(new Check("isvsvn", sigstruct.Isvsvn >= svn, $"{svn} or more", $"{sigstruct.Isvsvn}",
                $"ISVSVN, file offset 0x{at + 1026:x}"));
        }

        if (policy.AllowDebug == false)
        {
            checks.Add(Forbidden("debug", AttributeFlags.Debug, in sigstruct, at));
        }

        if (policy.AllowProvisionKey == false)
        {
            checks.Add(Forbidden("provisionKey", AttributeFlags.ProvisionKey, in sigstruct, at));
        }

        if (policy.AllowTestKey == false)
        {
            string? owner = KnownSigner.FindTestKey(mrsigner);
            checks.Add(new Check("testKey", owner is null, "a key that is not public", owner ?? "no key known to be public", "MODULUS"));
        }

        if (policy.NotBefore is { } day)
        {
            DateOnly? made = SigstructText.ReadDate(sigstruct.Date, out _);
            checks.Add(new Check("date", made >= day, $"{day:yyyy-MM-dd} or later", SigstructText.DescribeDate(sigstruct.Date),
                $"DATE, file offset 0x{at + 20:x}"));
        }

        if (policy.AllowWritableCode == false)
        {
            AddWritableCode(checks, image, variant);
        }
    }

    private static void AddWritableCode(List<Check> checks, EnclaveImage image, EnclaveVariant variant)
    {
        if (variant.Pages is null)
        {
            checks.Add(new Check("writableCode", false, "pages to look at", variant.PagesMissing ?? "none", variant.Name));
            return;
        }

        const SecinfoFlags both = SecinfoFlags.W | SecinfoFlags.X;
        PageRun? found = PageSequence.Checked(variant, image.Source.Length)
            .FirstOrDefault(run => run.Count > 0 && (run.Flags & both) == both);
        checks.Add(new Check(
            "writableCode",
            found is null,
            "no page both writable and executable",
            found is null ? "none" : $"{found.Name} {PageText.Of(found.Flags)}",
            found is null ? "all pages" : $"page at enclave offset 0x{found.Offset:x}"));
    }

    // DEBUG that the mask does not cover can be set by whoever creates the enclave. SDM 3D, EINIT.
    private static Check Forbidden(string name, AttributeFlags flag, in Sigstruct sigstruct, long at)
    {
        bool set = (sigstruct.Attributes.Flags & flag) != 0;
        bool enforced = (sigstruct.Attributemask.Flags & flag) != 0;
        return new Check(
            name,
            !set && enforced,
            "clear, and enforced by ATTRIBUTEMASK",
            set ? "set" : enforced ? "clear and enforced" : "clear, but ATTRIBUTEMASK leaves it open",
            $"ATTRIBUTES, file offset 0x{at + 928:x}");
    }

    private static Check OneOf(string name, IReadOnlyList<string> expected, string found, string where)
        => new(name, expected.Any(one => string.Equals(one.Trim(), found, StringComparison.OrdinalIgnoreCase)),
            string.Join(" or ", expected), found, where);
}
