namespace Cloister.Engine.Options;

/// <summary>A shared library that a machine with SGX may have; where it is not installed, this process makes one
/// whose functions are answered here.</summary>
/// <param name="Names">The names of its file; the first one is its own (DT_SONAME).</param>
/// <param name="Functions">Its functions, of at most six arguments, none of them a floating-point number. What they
/// return is 64 bits, or less.</param>
/// <param name="First">The number of the first of them at the socket.</param>
/// <param name="Unreachable">What a function returns when nobody answers.</param>
/// <param name="Socket">The abstract name, without the zero in front, that a call connects to: one of a <see cref="ServedSocket"/>.</param>
public sealed record ServedLibrary(IReadOnlyList<string> Names, IReadOnlyList<string> Functions, int First, int Unreachable, string Socket);
