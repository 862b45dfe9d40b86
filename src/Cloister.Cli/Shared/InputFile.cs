using System.Security.Cryptography;
using Cloister.Images;
using Cloister.Linux;

namespace Cloister.Cli;

/// <summary>Files that were named on the command line: what is wrong with one is said in words of its own.</summary>
internal static class InputFile
{
    private const int MostBytes = 16 << 20;

    /// <summary>The file of a name, which may be empty.</summary>
    /// <exception cref="ImageException">It is.</exception>
    public static FileInfo Of(string name) => name.Length > 0 ? new FileInfo(name) : throw new ImageException("the file's name is empty");

    /// <summary>A file to be read from anywhere: a pipe would never end and a device has no length.</summary>
    /// <exception cref="ImageException">It is not there, or is no ordinary file.</exception>
    public static string Ordinary(FileInfo file)
    {
        FileStatus status = Status(file);
        return status.IsRegular ? file.FullName
            : throw new ImageException($"{file}: {(status.IsDirectory ? "a directory" : "not an ordinary file")}");
    }

    /// <summary>A small file's text; a pipe will do, as for a key that is nowhere on disk.</summary>
    /// <exception cref="ImageException">It is not there, is a directory, or is not small.</exception>
    public static string Text(FileInfo file)
    {
        using var reader = new StreamReader(new MemoryStream(Bytes(file)));
        return reader.ReadToEnd();
    }

    /// <summary>A small file's bytes; a pipe will do.</summary>
    /// <exception cref="ImageException">It is not there, is a directory, or is not small.</exception>
    public static byte[] Bytes(FileInfo file)
    {
        string path = Readable(file);
        try
        {
            using var input = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.Open,
                Access = FileAccess.Read,
                BufferSize = 0,
            });
            using var bytes = new MemoryStream();
            byte[] part = new byte[1 << 16];
            for (int read; (read = input.Read(part)) > 0;)
            {
                bytes.Write(part, 0, read);
                if (bytes.Length > MostBytes)
                {
                    throw new ImageException($"{file}: more than {MostBytes >> 20} MiB, and a small file was expected");
                }
            }

            return bytes.ToArray();
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            throw new ImageException($"{file}: {FileProblem.Of(path, e)}", e);
        }
    }

    /// <summary>An RSA key.</summary>
    /// <param name="file">PEM, not encrypted.</param>
    /// <param name="toSign">Whether the private half is needed.</param>
    /// <exception cref="ImageException">It is no such file.</exception>
    public static RSA Key(FileInfo file, bool toSign)
    {
        string pem = Text(file);
        if (pem.Contains("ENCRYPTED", StringComparison.Ordinal))
        {
            throw new ImageException(
                $"{file}: the key is encrypted; decrypt it (openssl rsa -in {file}), or sign in two steps (--digest-out, --signature-in)");
        }

        if (toSign && !pem.Contains("PRIVATE KEY", StringComparison.Ordinal))
        {
            throw new ImageException(
                $"{file}: no private key in PEM form (openssl genrsa -3 -out key.pem 3072); --public-key takes a public one");
        }

        var rsa = RSA.Create();
        try
        {
            rsa.ImportFromPem(pem);
            return rsa;
        }
        catch (Exception wrong) when (wrong is ArgumentException or CryptographicException)
        {
            rsa.Dispose();
            throw new ImageException($"{file}: no RSA key in PEM form (openssl genrsa -3 -out key.pem 3072)", wrong);
        }
    }

    private static string Readable(FileInfo file) => Status(file).IsDirectory ? throw new ImageException($"{file}: a directory")
        : file.FullName;

    private static FileStatus Status(FileInfo file) => FileStatus.TryGet(file.FullName, out FileStatus status) switch
    {
        Errno.None => status,
        Errno.ENOENT when file.ToString().Contains('\ufffd', StringComparison.Ordinal) =>
            throw new ImageException($"{file}: a name that is not UTF-8, which cannot be opened; another name or a link helps"),
        Errno.ENOENT or Errno.ENOTDIR => throw new ImageException($"{file}: no such file"),
        Errno.EACCES => throw new ImageException($"{file}: a directory on the way may not be searched"),
        var other => throw new ImageException($"{file}: {other}"),
    };
}
