using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Cloister.Cli;

/// <summary>Where something listens, as it is written on the command line.</summary>
internal static class ListenAddress
{
    /// <summary>Reads PORT, ADDRESS:PORT or [ADDRESS]:PORT; without an address it is 127.0.0.1, and port 0 is one that is free.</summary>
    /// <returns>Null where it is none.</returns>
    public static IPEndPoint? Parse(string text)
    {
        int colon = text.LastIndexOf(':');
        if (!ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            return null;
        }

        string address = colon < 0 ? "localhost" : text[..colon];
        bool isBracketed = address is ['[', .., ']'];
        return address == "localhost" ? new IPEndPoint(IPAddress.Loopback, port)
            : IPAddress.TryParse(isBracketed ? address[1..^1] : address, out IPAddress? parsed)
                && isBracketed == address.Contains(':', StringComparison.Ordinal)
                && (isBracketed || address.Count(c => c == '.') == 3) ? new IPEndPoint(parsed, port) : null;
    }

    /// <summary>Why nothing can listen there.</summary>
    /// <param name="refused">What came of it.</param>
    public static string ProblemOf(SocketException refused) => refused.SocketErrorCode switch
    {
        SocketError.AddressAlreadyInUse => "somebody listens there already",
        SocketError.AccessDenied => "permission denied",
        SocketError.AddressNotAvailable => "this machine has no such address",
        _ => refused.Message.ReplaceLineEndings(" "),
    };
}
