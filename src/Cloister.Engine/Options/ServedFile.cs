namespace Cloister.Engine.Options;

/// <summary>A file that a machine with SGX has, made by this process.</summary>
/// <param name="Path">Its path.</param>
/// <param name="Contents">Gives its content, at each open; null when there is none, and the file is whatever it is.</param>
public sealed record ServedFile(string Path, Func<byte[]?> Contents);
