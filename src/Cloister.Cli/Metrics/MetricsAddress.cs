using System.Globalization;
using System.Net;

namespace Cloister.Cli.Metrics;

/// <summary>Where metrics are served, as it is written on the command line.</summary>
internal static class MetricsAddress
{
    /// <summary>Reads PORT, ADDRESS:PORT or [ADDRESS]:PORT; without an address it is 127.0.0.1, and port 0 is one that is free.</summary>
    public static IPEndPoint? Parse(string text)
    {
        int colon = text.LastIndexOf(':');
        if (!ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port))
        {
            return null;
        }

        if (colon < 0)
        {
            return new IPEndPoint(IPAddress.Loopback, port);
        }

        string address = text[..colon];
        bool isBracketed = address is ['[', .., ']'];
        return address == "localhost" ? new IPEndPoint(IPAddress.Loopback, port)
            : IPAddress.TryParse(isBracketed ? address[1..^1] : address, out IPAddress? parsed) && isBracketed == address.Contains(':', StringComparison.Ordinal)
                && (isBracketed || address.Count(c => c == '.') == 3) ? new IPEndPoint(parsed, port) : null;
    }
}
