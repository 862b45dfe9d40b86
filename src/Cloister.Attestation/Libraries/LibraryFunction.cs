namespace Cloister.Attestation.Libraries;

/// <summary>A function of a library.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Answer">Does what it does, and gives what it returns.</param>
public sealed record LibraryFunction(string Name, Func<LibraryCall, Task<uint>> Answer);
