using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Containers;

/// <summary>The one machine of a container: its first program makes it and ends it, and what is executed in it later joins.</summary>
internal static class ContainerMachine
{
    /// <summary>Options of <c>run</c> for the container's program.</summary>
    /// <param name="annotations">The container's.</param>
    /// <param name="container">Its name; null where there is none.</param>
    /// <exception cref="ContainerException">An annotation is no option.</exception>
    public static IReadOnlyList<string> OfProgram(JsonObject? annotations, string? container) =>
        Options(annotations, container, name => ["--init", $"--machine={name}"]);

    /// <summary>Options of <c>run</c> for what is executed in it.</summary>
    /// <param name="annotations">The container's.</param>
    /// <param name="container">Its name.</param>
    /// <exception cref="ContainerException">An annotation is no option.</exception>
    public static IReadOnlyList<string> OfExec(JsonObject? annotations, string container) =>
        Options(annotations, container, name => [$"--join={name}"]);

    // Who names a machine wants it for several containers: it lives as long as one of them.
    private static IReadOnlyList<string> Options(JsonObject? annotations, string? container, Func<string, IEnumerable<string>> own) =>
        [.. container is null || annotations?.ContainsKey(ContainerAnnotations.Prefix + "machine") is true ? []
            : own(Name(container)), .. ContainerAnnotations.Options(annotations)];

    // Containers of one network namespace have one space of names.
    private static string Name(string container) =>
        "oci-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(container)).AsSpan(0, 16));
}
