using System.Security.Cryptography;
using Cloister.Linux;

namespace Cloister.Cli.Platforms;

/// <summary>Files that are the user's alone and appear whole or not at all.</summary>
internal static class PrivateFile
{
    /// <summary>The mode of a file.</summary>
    public const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>The mode of a directory.</summary>
    public const UnixFileMode DirectoryMode = FileMode | UnixFileMode.UserExecute;

    /// <summary>Makes a file that is not there yet; false when it is.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    public static bool TryCreate(string path, ReadOnlySpan<byte> bytes)
    {
        string temporary = Write(path, bytes);
        try
        {
            return HostFile.MoveWithoutReplacing(temporary, path) switch
            {
                Errno.None => true,
                Errno.EEXIST => false,
                var error => throw new IOException(error.ToString(), (int)error),
            };
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Puts a file in the place of another.</summary>
    public static void Replace(string path, ReadOnlySpan<byte> bytes)
    {
        string temporary = Write(path, bytes);
        try
        {
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Makes a directory and those above it that are missing, all of them the user's alone.</summary>
    public static void MakeDirectory(string path)
    {
        if (!Directory.Exists(path))
        {
            MakeDirectory(Path.GetDirectoryName(path)!);
            _ = Directory.CreateDirectory(path, DirectoryMode);
        }
    }

    /// <summary>A name beside another that nothing has.</summary>
    public static string Beside(string path) =>
        Path.Combine(Path.GetDirectoryName(path)!,
            $".{Path.GetFileName(path)}.{Environment.ProcessId}.{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}");

    private static string Write(string path, ReadOnlySpan<byte> bytes)
    {
        MakeDirectory(Path.GetDirectoryName(path)!);
        string temporary = Beside(path);
        try
        {
            using var file = new FileStream(temporary, new FileStreamOptions
            {
                Mode = System.IO.FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = FileMode,
                BufferSize = 0,
            });
            file.Write(bytes);
            file.Flush(flushToDisk: true);
            return temporary;
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
