using Cloister.Architecture;
using Cloister.Images;

namespace Cloister.Host;

/// <summary>Loads what Cloister.Images reads.</summary>
internal static class EnclaveFileLoader
{
    public static LoadedEnclave Load(string path, EnclaveLoadOptions options)
    {
        using var image = ImageReader.Open(path);
        EnclaveVariant variant = image.PreferredVariant;
        if (variant.Pages is null)
        {
            throw new ImageException(variant.PagesMissing ?? $"{path} does not hold the enclave's pages");
        }

        if (variant.Size < 2 * LinearAddress.PageSize || (variant.Size & (variant.Size - 1)) != 0)
        {
            throw new ImageException($"the enclave's size 0x{variant.Size:x} is no power of two of 8192 bytes or more");
        }

        Secs secs = SecsOf(variant, options);
        if (variant.Sigstruct is { } sigstruct && !options.SignOnTheSpot)
        {
            return EnclaveLoader.Load(secs, variant.Pages, _ => sigstruct, options.EntryMethod);
        }

        SigningParameters parameters = (variant.Sigstruct is { } old ? SigningParameters.From(in old) : new SigningParameters()) with
        {
            Attributes = secs.Attributes,
            Miscselect = secs.Miscselect,
        };
        return EnclaveLoader.Load(secs, variant.Pages, mrenclave => DebugSigner.Shared.Sign(parameters, mrenclave), options.EntryMethod);
    }

    /// <summary>The SECS that the file and its SIGSTRUCT ask for. SDM 3D, EINIT: what the masks enforce must be equal.</summary>
    internal static Secs SecsOf(EnclaveVariant variant, EnclaveLoadOptions options)
    {
        Attributes wanted = variant.Sigstruct?.Attributes ?? variant.Attributes
            ?? new Attributes(AttributeFlags.Mode64Bit, Attributes.XfrmLegacy);
        Attributes mask = variant.Sigstruct?.Attributemask ?? default;
        AttributeFlags flags = wanted.Flags & ~AttributeFlags.Init;
        bool mayChooseDebug = variant.Sigstruct is null || options.SignOnTheSpot || !mask.Flags.HasFlag(AttributeFlags.Debug);
        if (options.Debug && mayChooseDebug)
        {
            flags |= AttributeFlags.Debug;
        }

        ulong xfrm = (wanted.Xfrm & mask.Xfrm) | Attributes.XfrmLegacy | ((options.Xfrm ?? 0) & ~mask.Xfrm);
        return new Secs
        {
            Size = variant.Size,
            SsaFrameSize = Math.Max(1, variant.SsaFrameSize),
            Miscselect = variant.Sigstruct?.Miscselect ?? default,
            Attributes = new Attributes(flags, xfrm),
        };
    }
}
