using System.Globalization;

namespace Cloister.Driver;

/// <summary>
/// Which enclaves may execute pages added at run time (dirty pages): the "enclave_execdirty" key of the discussion of
/// EDMM V2, 3 March 2022, which names them by MRENCLAVE or MRSIGNER.
/// </summary>
public sealed class ExecuteDirtyPolicy
{
    private const int DigestLength = 32;

    private readonly HashSet<string> _enclaves = [];
    private readonly HashSet<string> _signers = [];

    /// <summary>
    /// Adds what a text says: lines of "mrenclave HEX" and "mrsigner HEX", 64 digits each; empty lines and lines that
    /// begin with # say nothing.
    /// </summary>
    /// <param name="text">The lines.</param>
    /// <returns>The number of the first line that is not understood, from 1, and then nothing is added; 0 when all are.</returns>
    public int Add(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var enclaves = new List<string>();
        var signers = new List<string>();
        int number = 0;
        foreach (string line in text.Split('\n'))
        {
            number++;
            string[] words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0 || words[0].StartsWith('#'))
            {
                continue;
            }

            bool isDigest = words.Length == 2 && words[1].Length == 2 * DigestLength && words[1].All(char.IsAsciiHexDigit);
            var list = words[0] switch
            {
                "mrenclave" => enclaves,
                "mrsigner" => signers,
                _ => null,
            };
            if (!isDigest || list is null)
            {
                return number;
            }

            list.Add(words[1].ToUpper(CultureInfo.InvariantCulture));
        }

        _enclaves.UnionWith(enclaves);
        _signers.UnionWith(signers);
        return 0;
    }

    /// <summary>Whether an enclave is named.</summary>
    /// <param name="mrenclave">32 bytes.</param>
    /// <param name="mrsigner">32 bytes.</param>
    public bool Names(ReadOnlySpan<byte> mrenclave, ReadOnlySpan<byte> mrsigner) =>
        _enclaves.Contains(Convert.ToHexString(mrenclave)) || _signers.Contains(Convert.ToHexString(mrsigner));
}
