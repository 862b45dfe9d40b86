using Cloister.Driver;
using Cloister.Images;

namespace Cloister.Cli.Running;

/// <summary>Reads the file of <c>--policy</c>.</summary>
internal static class PolicyFile
{
    /// <summary>Reads it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="problem">What is wrong with it, or null.</param>
    public static ExecuteDirtyPolicy? Read(string path, out string? problem)
    {
        string text;
        try
        {
            text = InputFile.Text(InputFile.Of(path));
        }
        catch (ImageException e)
        {
            problem = $"--policy {(path.Length == 0 ? ": " : "")}{e.Message}";
            return null;
        }

        var policy = new ExecuteDirtyPolicy();
        int line = policy.Add(text);
        problem = line == 0 ? null : $"--policy {path}: line {line} is neither `mrenclave` nor `mrsigner` with 64 hexadecimal digits";
        return policy;
    }
}
