namespace Cloister.Linux;

/// <summary>Flags of open(2). Source: uapi asm-generic/fcntl.h.</summary>
public static class FileFlags
{
    /// <summary>O_RDONLY.</summary>
    public const int ReadOnly = 0;
    /// <summary>O_RDWR.</summary>
    public const int ReadWrite = 2;
    /// <summary>The bits of the access mode (O_ACCMODE).</summary>
    public const int AccessMode = 3;
    /// <summary>O_NOCTTY.</summary>
    public const int NoTerminal = 0x100;
    /// <summary>O_NONBLOCK.</summary>
    public const int NonBlocking = 0x800;
    /// <summary>O_DIRECTORY.</summary>
    public const int Directory = 0x10000;
    /// <summary>O_CLOEXEC.</summary>
    public const int CloseOnExec = 0x80000;
    /// <summary>O_TMPFILE, with the O_DIRECTORY that is in it.</summary>
    public const int Unnamed = 0x410000;
    /// <summary>O_PATH.</summary>
    public const int Path = 0x200000;
}
