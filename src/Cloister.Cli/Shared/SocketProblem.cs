using System.Net.Sockets;

namespace Cloister.Cli;

/// <summary>Why there can be no socket at a path. .NET says of a folder that is not there that an address cannot be assigned.</summary>
internal static class SocketProblem
{
    /// <summary>Says it.</summary>
    /// <param name="path">The path.</param>
    /// <param name="error">What came of it.</param>
    public static string Of(string path, SocketException error)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(path)) ?? "/";
        return error.SocketErrorCode switch
        {
            SocketError.AddressAlreadyInUse => "it is there already; remove it, if nobody waits there",
            SocketError.AddressNotAvailable when !Directory.Exists(folder) => $"there is no folder {folder}",
            _ => error.Message.ReplaceLineEndings(" "),
        };
    }
}
