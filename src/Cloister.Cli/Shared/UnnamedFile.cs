using Cloister.Linux;

namespace Cloister.Cli;

/// <summary>A file for a while, which nobody else sees and which is gone when it is closed.</summary>
internal static class UnnamedFile
{
    /// <summary>Makes one in the folder for temporary files.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    public static FileStream Make() => HostFile.TryMakeUnnamed(Path.GetTempPath(), WholeFile.Private, out _) is { } file
        ? new FileStream(file, FileAccess.ReadWrite, 1 << 16)
        : new FileStream(Path.GetTempFileName(), new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.ReadWrite,
            Options = FileOptions.DeleteOnClose,
        });
}
