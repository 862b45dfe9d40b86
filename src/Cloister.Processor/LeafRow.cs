namespace Cloister.Processor;

/// <summary>One leaf function, as data.</summary>
/// <param name="Instruction">ENCLS or ENCLU.</param>
/// <param name="Number">The value of EAX.</param>
/// <param name="Name">The manual's name.</param>
/// <param name="Class">The class that executes it.</param>
/// <param name="Feature">What offers it: SGX1, SGX2 or the CPUID bit.</param>
/// <param name="Citation">Where its rules are.</param>
/// <param name="Differences">What hardware can do in it and the machine cannot, or empty.</param>
public sealed record LeafRow(string Instruction, uint Number, string Name, Type Class, string Feature, string Citation, string Differences);
