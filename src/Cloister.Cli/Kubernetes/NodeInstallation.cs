using Cloister.Cli.Containers;

namespace Cloister.Cli.Kubernetes;

/// <summary>
/// This program on a node, put there by a pod: with the C library of the pod's image, for the node's may be older or another, and with two
/// scripts that the node's container runtime calls in place of runc.
/// </summary>
internal static class NodeInstallation
{
    /// <summary>The runtime that gives every container the machine.</summary>
    public const string Runtime = "cloister-oci";

    /// <summary>The runtime that gives it to containers which were allocated a device, and no other.</summary>
    public const string RuntimeOfAllocated = "cloister-oci-allocated";

    private const UnixFileMode Executable = (UnixFileMode)0b111_101_101;

    /// <summary>Puts it there; what is there is replaced file by file, so that containers may start meanwhile.</summary>
    /// <param name="folder">The folder, by the same path here and on the node.</param>
    /// <param name="files">This program's files.</param>
    /// <param name="undo">What takes it away again is put there.</param>
    /// <returns>The files as they are there.</returns>
    /// <exception cref="NodeException">It cannot be written.</exception>
    public static ProgramFiles Install(string folder, ProgramFiles files, Stack<Action> undo)
    {
        var there = files.Sources.ToDictionary(file => file.Key, file => Path.Combine(folder, file.Key), StringComparer.Ordinal);
        try
        {
            _ = Directory.CreateDirectory(folder);
            foreach ((string name, string source) in files.Sources)
            {
                OwnFile file = OwnFile.Put(there[name], temporary => File.Copy(source, temporary, overwrite: true), Executable);
                undo.Push(file.Delete);
            }

            string start =
                string.Join(' ', files.Start.Select(word => word.Replace(ProgramFiles.Directory, folder, StringComparison.Ordinal)));
            foreach ((string script, string option) in (ReadOnlySpan<(string, string)>)[(Runtime, ""),
                (RuntimeOfAllocated, " --allocated")])
            {
                string path = Path.Combine(folder, script);
                OwnFile file = Script(path, $"exec {start} oci{option} \"$@\"");
                undo.Push(() => HandOver(path, file));
            }

            return files with { Sources = there };
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            throw new NodeException($"{folder} cannot be written: {FileProblem.Of(folder, e)}", Failure.InputOutput, e);
        }
    }

    // A node's container runtime that still has containers of a script ends them by it: it stays, and hands over to runc or crun. Files
    // that containers have mounted live as long as those.
    private static void HandOver(string path, OwnFile file)
    {
        try
        {
            _ = file.IsThere ? Script(path, """
                # Cloister was here. This file can go when no container is left that it began.
                for runtime in runc crun; do
                    ! command -v "$runtime" >/dev/null || exec "$runtime" "$@"
                done
                exit 127
                """) : file;
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            _ = Failure.Report($"{path} stays: {FileProblem.Of(path, e)}", Failure.InputOutput);
        }
    }

    private static OwnFile Script(string path, string text) =>
        OwnFile.Put(path, temporary => File.WriteAllText(temporary, $"#!/bin/sh\n{text}\n"), Executable);
}
