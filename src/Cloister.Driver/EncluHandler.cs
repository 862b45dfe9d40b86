using Cloister.Architecture;

namespace Cloister.Driver;

/// <summary>
/// What a program registered for exceptions on its ENCLU instruction (RFC v3 of December 2018): instead of a signal the
/// thread goes on at the handler, with trap number, error code and address in DI, SI and DX.
/// </summary>
/// <param name="Enclu">Address of the instruction.</param>
/// <param name="Handler">Address of the handler.</param>
public readonly record struct EncluHandler(LinearAddress Enclu, LinearAddress Handler);
