using System.Security.Cryptography;
using Cloister.Attestation;
using Cloister.Attestation.Platforms;

namespace Cloister.Cli.Platforms;

/// <summary>
/// The user's platforms, each a directory of its own: root-key, 32 bytes, and platform.json, which may be missing where nothing was ever
/// changed. A directory appears and goes at once; a file is replaced at once; who changes one holds a lock. So two runs at once see one or
/// the other.
/// </summary>
internal sealed class PlatformStore(string state)
{
    private const string KeyName = "root-key", SettingsName = "platform.json", SealKeysName = "seal-keys", FormerName = "former-seal-keys";
    private const int LongestName = 64;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private readonly string _root = Root(state);

    /// <summary>The user's own.</summary>
    /// <exception cref="PlatformProblem">There is no place for it.</exception>
    public static PlatformStore Open() => StateDirectory.Find(out string? problem) is { } state
        ? new PlatformStore(state)
        : throw new PlatformProblem($"platforms cannot be kept: {problem}; XDG_STATE_HOME=DIRECTORY says where they can",
            Failure.InputOutput);

    /// <summary>Where the root key of a platform is.</summary>
    public static string KeyFile(string state, string name) => Path.Combine(Root(state), name, KeyName);

    /// <summary>What is wrong with a name; null when nothing is.</summary>
    public static string? NameProblem(string name) => name switch
    {
        { Length: > 0 and <= LongestName } when char.IsAsciiLetterOrDigit(name[0])
            && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-') => null,
        _ => $"{name}: not a platform's name, which is of letters, digits, '.', '_' and '-', at most {LongestName}",
    };

    /// <summary>The names, in order.</summary>
    public IReadOnlyList<string> Names => !Directory.Exists(_root) ? [] :
        [.. Directory.EnumerateDirectories(_root).Select(directory => Path.GetFileName(directory)!)
            .Where(name => NameProblem(name) is null && File.Exists(Path.Combine(_root, name, KeyName))).Order(StringComparer.Ordinal)];

    /// <summary>Whether there is one of that name.</summary>
    public bool Contains(string name) => File.Exists(Path.Combine(_root, name, KeyName));

    /// <summary>The settings, without the key.</summary>
    /// <exception cref="PlatformProblem">There is no such platform, or its file is damaged.</exception>
    public PlatformSettings Settings(string name)
    {
        string path = Path.Combine(_root, Existing(name), SettingsName);
        return Guarded(path, () =>
        {
            try
            {
                return File.Exists(path) ? PlatformText.ReadSettings(File.ReadAllBytes(path)) : new PlatformSettings();
            }
            catch (AttestationException wrong)
            {
                throw new PlatformProblem($"{path}: {wrong.Message}", Failure.NotRunnable);
            }
        });
    }

    /// <summary>The root key.</summary>
    /// <exception cref="PlatformProblem">There is no such platform, or its file is damaged.</exception>
    public byte[] RootKey(string name)
    {
        string path = Path.Combine(_root, Existing(name), KeyName);
        byte[] key = Guarded(path, () => File.ReadAllBytes(path));
        return key.Length == Platform.RootKeyLength ? key
            : throw new PlatformProblem($"{path} has {key.Length} bytes and not {Platform.RootKeyLength}", Failure.NotRunnable);
    }

    /// <summary>All of it.</summary>
    public Platform Read(string name) => new(RootKey(name), Settings(name));

    /// <summary>Makes one.</summary>
    /// <exception cref="PlatformProblem">There is one of that name, or it cannot be written.</exception>
    public void Create(string name, Platform platform)
    {
        if (NameProblem(name) is { } problem)
        {
            throw new PlatformProblem(problem, Failure.Usage);
        }

        if (name == PlatformKey.New)
        {
            throw new PlatformProblem($"{name} is the name of the machine that no other run has", Failure.Usage);
        }

        string path = Path.Combine(_root, name), temporary = PrivateFile.Beside(path);
        Guarded(path, () =>
        {
            PrivateFile.MakeDirectory(_root);
            using FileStream held = Lock();
            if (Path.Exists(path))
            {
                throw new PlatformProblem($"{name}: there is such a platform already", Failure.Usage);
            }

            try
            {
                _ = PrivateFile.TryCreate(Path.Combine(temporary, KeyName), platform.RootKey.Span);
                _ = PrivateFile.TryCreate(Path.Combine(temporary, SettingsName), PlatformText.Write(platform.Settings));
                Directory.Move(temporary, path);
            }
            finally
            {
                Remove(temporary);
            }

            return 0;
        });
    }

    /// <summary>Changes the settings.</summary>
    public PlatformSettings Change(string name, Func<PlatformSettings, PlatformSettings> change)
    {
        string path = Path.Combine(_root, Existing(name), SettingsName);
        return Guarded(path, () =>
        {
            using FileStream held = Lock();
            PlatformSettings changed = change(Settings(name));
            PrivateFile.Replace(path, PlatformText.Write(changed));
            return changed;
        });
    }

    /// <summary>Gives one to another owner: its seal keys are others.</summary>
    public void NewOwner(string name)
    {
        _ = Change(name, settings => settings with { OwnerEpoch = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)) });
        string keys = Path.Combine(_root, name, SealKeysName);
        if (File.Exists(keys))
        {
            File.Move(keys, Path.Combine(_root, name, FormerName), overwrite: true);
        }
    }

    /// <summary>Hashes of the KEYIDs of seal keys that it gave; empty when there are none, or they cannot be read.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="former">Those that an earlier owner got.</param>
    public byte[] SealKeys(string name, bool former = false)
    {
        try
        {
            string path = Path.Combine(_root, name, former ? FormerName : SealKeysName);
            return File.Exists(path) ? File.ReadAllBytes(path) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Adds such hashes; that they cannot be kept harms nobody.</summary>
    public void AddSealKeys(string name, byte[] hashes)
    {
        try
        {
            using var file = new FileStream(Path.Combine(_root, name, SealKeysName), new FileStreamOptions
            {
                Mode = FileMode.Append,
                Access = FileAccess.Write,
                Share = FileShare.ReadWrite,
                UnixCreateMode = PrivateFile.FileMode,
                BufferSize = 0,
            });
            file.Write(hashes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A line less that could be said.
        }
    }

    /// <summary>Deletes one.</summary>
    public void Delete(string name)
    {
        string path = Path.Combine(_root, Existing(name)), temporary = PrivateFile.Beside(path);
        Guarded(path, () =>
        {
            using FileStream held = Lock();
            Directory.Move(path, temporary);
            Remove(temporary);
            return 0;
        });
    }

    /// <summary>A key that nobody has.</summary>
    public static byte[] NewKey() => RandomNumberGenerator.GetBytes(Platform.RootKeyLength);

    private static string Root(string state) => Path.Combine(state, "platforms");

    private static void Remove(string directory)
    {
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private string Existing(string name) => NameProblem(name) is { } problem ? throw new PlatformProblem(problem, Failure.Usage)
        : Contains(name) ? name
        : throw new PlatformProblem(
            $"{name}: there is no such platform{Spelling.Advice(name, Names, "`cloister platform list` lists them")}", Failure.NotFound);

    // Whoever changes something waits for who does so already; the kernel takes the lock from a process that ends.
    private FileStream Lock()
    {
        string path = Path.Combine(_root, ".lock");
        for (long begin = Environment.TickCount64; ;)
        {
            try
            {
                return new FileStream(path, new FileStreamOptions
                {
                    Mode = FileMode.OpenOrCreate,
                    Access = FileAccess.ReadWrite,
                    Share = FileShare.None,
                    UnixCreateMode = PrivateFile.FileMode,
                });
            }
            catch (IOException) when (Environment.TickCount64 - begin < s_patience.TotalMilliseconds && File.Exists(path))
            {
                Thread.Sleep(10);
            }
        }
    }

    private static T Guarded<T>(string path, Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PlatformProblem($"{path}: {FileProblem.Of(path, e)}", Failure.InputOutput);
        }
    }
}
