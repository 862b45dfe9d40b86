using System.Globalization;

namespace Cloister.Cli.Looking;

/// <summary>What may be asked at the socket of a run: one line, words with a blank between them.</summary>
/// <param name="Verb">What is asked.</param>
/// <param name="Address">The address that it is about; null for all. To be debugged: the process; null for the program's own.</param>
/// <param name="Resets">Whether to count anew from now on.</param>
/// <param name="Enclave">The enclave that it is about.</param>
internal sealed record LookRequest(LookVerb Verb, ulong? Address = null, bool Resets = false, ulong Enclave = 0)
{
    /// <summary>The longest line, without its end.</summary>
    public const int LongestLine = 64;

    /// <summary>Reads a line.</summary>
    /// <param name="line">Without its end.</param>
    /// <param name="problem">What is wrong with it.</param>
    public static LookRequest? Parse(string line, out string? problem)
    {
        string[] words = line.Split(' ');
        LookRequest? request = words switch
        {
            ["ps"] => new LookRequest(LookVerb.Ps),
            ["maps"] => new LookRequest(LookVerb.Maps),
            ["maps", var address] when TryParseAddress(address, out ulong value) => new LookRequest(LookVerb.Maps, value),
            ["gdb"] => new LookRequest(LookVerb.Gdb),
            ["gdb", var process] when TryParseAddress(process, out ulong value) && value <= int.MaxValue =>
                new LookRequest(LookVerb.Gdb, value),
            ["stats"] => new LookRequest(LookVerb.Stats),
            ["stats", "reset"] => new LookRequest(LookVerb.Stats, Resets: true),
            ["metrics"] => new LookRequest(LookVerb.Metrics),
            ["dump", var number] when ulong.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out ulong enclave) =>
                new LookRequest(LookVerb.Dump, Enclave: enclave),
            _ => null,
        };
        problem = request is not null ? null : line.Length > LongestLine ? "the request is too long" : "there is no such request";
        return request;
    }

    /// <summary>Reads an address: hexadecimal, with 0x before it.</summary>
    public static bool TryParseAddress(string text, out ulong address)
    {
        address = 0;
        return text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out address);
    }

    /// <summary>As a line, without its end.</summary>
    public override string ToString() => Verb switch
    {
        LookVerb.Ps => "ps",
        LookVerb.Gdb => Address is { } process ? $"gdb 0x{process:x}" : "gdb",
        LookVerb.Maps => Address is { } address ? $"maps 0x{address:x}" : "maps",
        LookVerb.Metrics => "metrics",
        LookVerb.Dump => string.Create(CultureInfo.InvariantCulture, $"dump {Enclave}"),
        _ => Resets ? "stats reset" : "stats",
    };
}
