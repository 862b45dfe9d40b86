using System.Security.Cryptography;
using Cloister.Attestation.Platforms;
using Cloister.Engine.Options;
using Cloister.Processor;

namespace Cloister.Cli.Platforms;

/// <summary>The platform of a run. Nothing is read or made of it before it is needed, but settings that are there.</summary>
internal sealed class RunPlatform
{
    private readonly string? _name;
    private readonly PlatformStore? _store;
    private byte[]? _rootKey;

    private RunPlatform(string? name, PlatformStore? store, byte[]? rootKey, PlatformSettings settings) =>
        (_name, _store, _rootKey, Settings) = (name, store, rootKey, settings);

    /// <summary>What it is beside its key.</summary>
    public PlatformSettings Settings { get; }

    /// <summary>The platform that the arguments name.</summary>
    /// <param name="seed">The text that makes its key, or null.</param>
    /// <param name="platform">Its name; null is the default.</param>
    /// <exception cref="PlatformProblem">There is none of that name, or its files are damaged.</exception>
    public static RunPlatform Of(string? seed, string? platform)
    {
        RunPlatform chosen = Choose(seed, platform);
        string? name = chosen._name ?? (seed is null && platform is null or PlatformKey.Default ? PlatformKey.Default : null);
        chosen.SealKeys = new SealKeyJournal(StateDirectory.Find(out _) is { } state ? new PlatformStore(state) : null, name, other =>
            chosen._rootKey is { } key && other.RootKey.Span.SequenceEqual(key) && other.Settings.OwnerEpoch == chosen.Settings.OwnerEpoch);
        return chosen;
    }

    private static RunPlatform Choose(string? seed, string? platform)
    {
        if (seed is not null)
        {
            return new RunPlatform(null, null, RootKey.From(seed).ToArray(), new PlatformSettings());
        }

        string name = platform ?? PlatformKey.Default;
        if (name == PlatformKey.New)
        {
            return new RunPlatform(null, null, RandomNumberGenerator.GetBytes(Platform.RootKeyLength), new PlatformSettings());
        }

        if (name != PlatformKey.Default)
        {
            var store = PlatformStore.Open();
            return new RunPlatform(name, store, store.RootKey(name), store.Settings(name));
        }

        // The user's own is made when a key is first needed; what was changed of it holds from the beginning.
        return StateDirectory.Find(out _) is { } state && new PlatformStore(state) is var own && own.Contains(name)
            ? new RunPlatform(name, own, null, own.Settings(name))
            : new RunPlatform(null, null, null, new PlatformSettings());
    }

    /// <summary>What keys it has given, and what others have.</summary>
    public SealKeyJournal SealKeys { get; private set; } = new(null, null, _ => false);

    /// <summary>Puts it into a machine's options.</summary>
    /// <param name="options">The options.</param>
    /// <param name="notice">Hears in one line when keys could not be kept.</param>
    public MachineOptions Apply(MachineOptions options, Action<string> notice)
    {
        options = _rootKey is not null ? options with { RootKey = _rootKey } : options with { NewRootKey = () => RootKeyOf(notice) };
        return new Platform(options.RootKey, Settings).Apply(options);
    }

    /// <summary>All of it; its key is made when it is not there yet.</summary>
    /// <param name="notice">Hears in one line when keys could not be kept.</param>
    public Platform Whole(Action<string> notice) => new(RootKeyOf(notice), Settings);

    /// <summary>
    /// A program with what libraries on this platform shall find in its environment. Intel's load their enclaves into the program, or ask
    /// AESM where SGX_AESM_ADDR is set; Open Enclave's do as well (DCAP, quote_wrapper/ql). Where a platform certifies enclaves that
    /// somebody has, these shall run.
    /// </summary>
    public ProgramInvocation Place(ProgramInvocation program)
    {
        bool asksAesm = Settings is { Pce: null, Qe: null }
            && !program.Environment.Any(variable => variable.AsSpan().StartsWith("SGX_AESM_ADDR="u8));
        return asksAesm ? program with { Environment = [.. program.Environment, [.. "SGX_AESM_ADDR=1"u8]] } : program;
    }

    /// <summary>Keeps what the run has changed: EUPDATESVN has taken over a pending CPUSVN.</summary>
    /// <param name="cpusvn">The machine's CPUSVN at the end.</param>
    /// <param name="notice">Hears in one line when it could not be kept.</param>
    public void Keep(ReadOnlySpan<byte> cpusvn, Action<string> notice)
    {
        SealKeys.Keep();
        string now = Convert.ToHexStringLower(cpusvn);
        if (_name is null || now == Settings.Cpusvn)
        {
            return;
        }

        try
        {
            _ = _store!.Change(_name, settings => settings.PendingCpusvn == now ? settings.At(now, settings.Pcesvn) : settings);
        }
        catch (PlatformProblem problem)
        {
            notice($"the platform's new CPUSVN could not be kept: {problem.Message}");
        }
    }

    // Machine and services ask on the tracer's thread, and get the same.
    private byte[] RootKeyOf(Action<string> notice) => _rootKey ??= PlatformKey.Take(notice);
}
