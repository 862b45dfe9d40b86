namespace Cloister.Engine.Options;

/// <summary>A UNIX socket that a machine with SGX has, and a service of this process answers at.</summary>
/// <param name="Paths">Where programs look for it.</param>
/// <param name="AbstractNames">Under which abstract names, without the zero in front.</param>
/// <param name="Address">Gives the abstract name, without the zero in front, that a program is connected to instead; null when there is
/// none. It is asked at each connection.</param>
public sealed record ServedSocket(IReadOnlyList<string> Paths, IReadOnlyList<string> AbstractNames, Func<string?> Address);
