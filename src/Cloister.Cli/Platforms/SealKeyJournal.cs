using System.Security.Cryptography;
using Cloister.Attestation.Platforms;

namespace Cloister.Cli.Platforms;

/// <summary>
/// Which seal keys each platform has given: a hash of each KEYID, in a file of its directory, seal-keys. It tells nothing of the keys; it
/// is there to say where a key that is asked for comes from. Nothing is read before the first one is asked for, and what cannot be kept is
/// not.
/// </summary>
/// <param name="store">The user's platforms; null where there is no place for them.</param>
/// <param name="name">The platform of the run; null when it is none of them.</param>
/// <param name="isSame">Whether another platform is the same machine with the same owner.</param>
internal sealed class SealKeyJournal(PlatformStore? store, string? name, Func<Platform, bool> isSame)
{
    // Programs that seal and seal again do not fill the disk.
    private const int Most = 8192, HashLength = 8;

    private readonly List<byte> _new = [];
    private HashSet<ulong>? _own;
    private List<(string Text, HashSet<ulong> Keys)>? _others;

    /// <summary>Notes that a key was given.</summary>
    /// <param name="keyid">The KEYID of its request, 32 bytes.</param>
    /// <returns>Who else has given it, when it is the first time here; or null.</returns>
    public string? Note(ReadOnlySpan<byte> keyid)
    {
        // One without a KEYID is the same for all that an enclave seals.
        if (store is null || !keyid.ContainsAnyExcept((byte)0))
        {
            return null;
        }

        _own ??= name is null ? [] : Keys(store.SealKeys(name));
        byte[] hash = SHA256.HashData(keyid)[..HashLength];
        if (!_own.Add(BitConverter.ToUInt64(hash)))
        {
            return null;
        }

        _others ??= Others(store);
        foreach ((string text, HashSet<ulong> keys) in _others)
        {
            if (keys.Contains(BitConverter.ToUInt64(hash)))
            {
                // Not a key of this platform's, so that it is said at the next run as well.
                return text;
            }
        }

        if (_own.Count <= Most)
        {
            _new.AddRange(hash);
        }

        return null;
    }

    /// <summary>Keeps what was noted.</summary>
    public void Keep()
    {
        if (_new.Count > 0 && name is not null)
        {
            store?.AddSealKeys(name, [.. _new]);
        }
    }

    private List<(string Text, HashSet<ulong> Keys)> Others(PlatformStore all)
    {
        List<(string Text, HashSet<ulong> Keys)> others = [];
        foreach (string other in all.Names)
        {
            if (other == name)
            {
                others.Add(("an earlier owner of this platform", Keys(all.SealKeys(other, former: true))));
            }
            else if (!IsSame(all, other))
            {
                others.Add(($"platform {other}", Keys(all.SealKeys(other))));
            }
        }

        return others;
    }

    private bool IsSame(PlatformStore all, string other)
    {
        try
        {
            return isSame(all.Read(other));
        }
        catch (PlatformProblem)
        {
            // Damaged: it opens nothing, and what it gave is somebody else's.
            return false;
        }
    }

    private static HashSet<ulong> Keys(byte[] bytes)
    {
        HashSet<ulong> keys = [];
        for (int at = 0; at + HashLength <= bytes.Length; at += HashLength)
        {
            _ = keys.Add(BitConverter.ToUInt64(bytes, at));
        }

        return keys;
    }
}
