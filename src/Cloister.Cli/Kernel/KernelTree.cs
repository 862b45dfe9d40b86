using System.Text.RegularExpressions;

namespace Cloister.Cli.Kernel;

/// <summary>The parts of a kernel tree that are SGX's. Nothing is ever written to it.</summary>
internal sealed partial class KernelTree
{
    private const string Driver = "arch/x86/kernel/cpu/sgx";

    // What Debian's tarball is asked for: the tree of other releases may have other files, and is named as a folder then.
    private static readonly string[] s_members =
    [
        "driver.c", "driver.h", "encl.c", "encl.h", "encls.h", "ioctl.c", "main.c", "sgx.h", "virt.c",
    ];

    private KernelTree(string root) => Root = root;

    /// <summary>The top of the tree.</summary>
    public string Root { get; }

    /// <summary>The folder of the driver.</summary>
    public string Folder => Path.Combine(Root, Driver);

    /// <summary>The driver's files.</summary>
    public IReadOnlyList<string> Sources => [.. Directory.GetFiles(Folder, "*.c").Order(StringComparer.Ordinal)];

    /// <summary>The one header of the kernel that is the tree's own.</summary>
    public string Header => Path.Combine(Root, "arch/x86/include/asm/sgx.h");

    /// <summary>The header of the interface.</summary>
    public string UserHeader => Path.Combine(Root, "arch/x86/include/uapi/asm/sgx.h");

    /// <summary>The names in angle brackets that the driver includes.</summary>
    public IReadOnlyList<string> Includes =>
        [.. Directory.GetFiles(Folder, "*.[ch]").Concat(Directory.GetFiles(Folder, "*.h")).Concat(Sources).Append(Header)
            .Append(UserHeader).Distinct()
        .SelectMany(file => IncludeLine().Matches(File.ReadAllText(file))).Select(match => match.Groups[1].Value).Distinct()
        .Order(StringComparer.Ordinal)];

    /// <summary>The tree that a user names.</summary>
    /// <param name="name">A folder, or a version as in Debian's package linux-source-VERSION.</param>
    /// <param name="cancellation">Ends the unpacking, and leaves nothing.</param>
    /// <exception cref="KernelProblem">There is none.</exception>
    public static KernelTree Find(string name, CancellationToken cancellation = default)
    {
        if (Directory.Exists(name))
        {
            var tree = new KernelTree(Path.GetFullPath(name));
            string? missing = new[] { Path.Combine(tree.Folder, "main.c"), tree.Header,
                tree.UserHeader }.FirstOrDefault(file => !File.Exists(file));
            return missing is null ? tree
                : throw new KernelProblem(
                    $"{name} is no kernel tree with an SGX driver: there is no {Path.GetRelativePath(tree.Root, missing)}",
                    Failure.NotFound);
        }

        return Version().IsMatch(name) ? OfPackage(name, cancellation)
            : throw new KernelProblem(
                $"there is no folder {name}; write a kernel tree, or 6.12 or 6.1 for Debian's linux-source-6.12 or linux-source-6.1",
                Failure.NotFound);
    }

    private static KernelTree OfPackage(string version, CancellationToken cancellation)
    {
        var tarball = new FileInfo($"/usr/src/linux-source-{version}.tar.xz");
        if (!tarball.Exists)
        {
            throw new KernelProblem(
                $"Debian's package linux-source-{version} is not installed: `apt-get install linux-source-{version}`, or name a kernel tree", Failure.Unavailable);
        }

        // Named after the package, so that a newer one is unpacked anew.
        string place = Path.Combine(CacheDirectory.Find(),
            $"sgx-driver-{version}-{tarball.Length}-{new DateTimeOffset(tarball.LastWriteTimeUtc).ToUnixTimeSeconds()}");
        if (!Directory.Exists(place))
        {
            Unpack(tarball.FullName, $"linux-source-{version}", place, cancellation);
        }

        return new KernelTree(place);
    }

    private static void Unpack(string tarball, string top, string place, CancellationToken cancellation)
    {
        string unpacked = $"{place}.{Environment.ProcessId}";
        Directory.CreateDirectory(unpacked);
        try
        {
            IEnumerable<string> members = s_members.Select(file => $"{Driver}/{file}").Append("arch/x86/include/asm/sgx.h")
                .Append("arch/x86/include/uapi/asm/sgx.h");

            // Reading ends behind the last of them, which is early in the file.
            int? status =
                Tool.Run("tar",
                    ["-xJf", tarball, "-C", unpacked, "--strip-components=1", "--occurrence=1",
                        .. members.Select(member => $"{top}/{member}")], "/", out string output, cancellation);
            if (status != 0)
            {
                string hint = output.Contains("xz", StringComparison.Ordinal) ? "; is xz-utils installed?" : "";
                throw new KernelProblem(status is null ? "tar is not installed: `apt-get install tar`"
                    : $"{tarball} cannot be unpacked: {output.Split('\n')[0]}{hint}", Failure.Unavailable);
            }

            try
            {
                Directory.Move(unpacked, place);
            }
            catch (IOException) when (Directory.Exists(place))
            {
                // Another one was quicker.
            }
        }
        finally
        {
            if (Directory.Exists(unpacked))
            {
                Directory.Delete(unpacked, recursive: true);
            }
        }
    }

    [GeneratedRegex(@"^[0-9]+\.[0-9]+$")]
    private static partial Regex Version();

    [GeneratedRegex(@"^\s*#\s*include\s*<([^>\n]+)>", RegexOptions.Multiline)]
    private static partial Regex IncludeLine();
}
