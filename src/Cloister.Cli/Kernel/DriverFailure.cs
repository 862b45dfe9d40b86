using Cloister.Images;
using Cloister.Images.Symbols;
using Cloister.Linux.Kernel;

namespace Cloister.Cli.Kernel;

/// <summary>What a kernel's driver that cannot be used, or cannot go on, comes to: a message and an exit status.</summary>
internal static class DriverFailure
{
    private const int MostCalls = 12;

    /// <summary>Why a file cannot be a driver, before it is loaded; null when it can be.</summary>
    public static (string Message, int Status)? Problem(string path)
    {
        if (Directory.Exists(path))
        {
            return ($"run: --driver {path}: is a folder; `cloister driver build {path} -o sgx.so` makes a driver of a kernel tree",
                Failure.Usage);
        }

        if (!File.Exists(path))
        {
            return ($"run: --driver {path}: there is no such file; `cloister driver build 6.12 -o {path}` makes one", Failure.NotFound);
        }

        return SharedObjectFile.Problem(path) is { } problem ? ($"run: --driver {path}: {problem}", Failure.NotRunnable) : null;
    }

    /// <summary>In words.</summary>
    public static (string Message, int Status) Of(KernelDriverException failure)
    {
        if (!failure.IsOfItsCode)
        {
            return ($"run: --driver {failure.Path}: {failure.Message}", Failure.NotRunnable);
        }

        string[] calls = Calls(failure, DriverBuild.RuntimeFiles);
        string where = calls.Length == 0 ? "" : $", in {calls[0]}";
        return ($"run: --driver {failure.Path}: the driver cannot go on: {failure.Message}{where}"
            + string.Concat(calls.Skip(1).Select(call => $"\n  called from {call}")), Failure.Internal);
    }

    // Without the kernel around the driver, which is Cloister's.
    private static string[] Calls(KernelDriverException failure, IReadOnlyCollection<string> around)
    {
        try
        {
            using ByteSource source = ByteSource.OpenFile(failure.Path);
            CodeSymbols? symbols = CodeSymbols.Read(source);
            return [.. failure.Frames.Select(address => symbols?.Find(address)).OfType<CodePlace>()
                .Where(place => !around.Contains(place.Line?.Split(':')[0] ?? "")).Take(MostCalls)
                .Select(place => $"{place.Function ?? "?"} ({place.Line ?? "no line is known"})")];
        }
        catch (Exception e) when (FileProblem.IsOne(e) || e is ImageException)
        {
            return [];
        }
    }
}
