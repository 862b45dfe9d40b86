namespace Cloister.Linux;

/// <summary>A file in memory that nobody can change.</summary>
public static unsafe class ContentFile
{
    /// <summary>Makes one.</summary>
    /// <param name="contents">What it says.</param>
    /// <returns>Its descriptor, closed on exec, at its first byte; or minus an errno.</returns>
    public static int Make(ReadOnlySpan<byte> contents)
    {
        const long closeOnExec = 1, allowSealing = 2;
        int file;
        fixed (byte* name = "cloister:file\0"u8)
        {
            file = (int)NativeMethods.SystemCall(SystemCall.MemfdCreate, (long)name, closeOnExec | allowSealing, 0, 0, 0, 0);
        }

        if (file < 0)
        {
            return -(int)NativeMethods.LastError;
        }

        Errno error = HostKernel.WriteAt(file, contents, 0);
        error = error == Errno.None ? MappedFile.SealContents(file) : error;
        if (error == Errno.None)
        {
            return file;
        }

        HostKernel.Close(file);
        return -(int)error;
    }
}
