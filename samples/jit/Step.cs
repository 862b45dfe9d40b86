using System.Runtime.InteropServices;

namespace JitSample;

/// <summary>A step of a program: what to do with the number so far. The enclave reads it in this layout.</summary>
/// <param name="Operation">What to do.</param>
/// <param name="Constant">With what; extended to 64 bits with its sign.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct Step(Operation Operation, int Constant)
{
    /// <summary>The same in C#, to compare with.</summary>
    public long Apply(long number) => Operation switch
    {
        Operation.Add => unchecked(number + Constant),
        Operation.Multiply => unchecked(number * Constant),
        _ => number ^ Constant,
    };

    /// <inheritdoc/>
    public override string ToString() => $"{Operation switch { Operation.Add => '+', Operation.Multiply => '*', _ => '^' }} {Constant}";
}

/// <summary>What a step can do.</summary>
internal enum Operation
{
    /// <summary>Add.</summary>
    Add,

    /// <summary>Multiply.</summary>
    Multiply,

    /// <summary>Exclusive or.</summary>
    Xor,
}
