using Cloister.Linux;

namespace Cloister.Engine.Platforms;

/// <summary>Which calls of a system call stop, by their arguments: the first condition that holds decides.</summary>
/// <param name="text">The same in words, after "stops".</param>
/// <param name="otherwise">Whether it stops where no condition holds.</param>
internal sealed class ArgumentTest(string text, bool otherwise = false)
{
    private readonly List<Condition> _conditions = [];

    /// <summary>Every call.</summary>
    public static ArgumentTest Always { get; } = new("always", otherwise: true);

    /// <summary>The same in words.</summary>
    public string Text { get; } = text;

    /// <summary>Whether every call stops.</summary>
    public bool IsAlways => _conditions.Count == 0 && otherwise;

    /// <summary>Stops where the lower half of an argument is one of some values.</summary>
    public ArgumentTest When(int argument, params ReadOnlySpan<uint> values) =>
        Add(argument, isHigh: false, uint.MaxValue, values, stops: true);

    /// <summary>Stops where some bits of the lower half of an argument have a value.</summary>
    public ArgumentTest WhenMasked(int argument, uint mask, uint value) => Add(argument, isHigh: false, mask, [value], stops: true);

    /// <summary>Stops where the lower half of an argument has one of some bits.</summary>
    public ArgumentTest WhenAny(int argument, uint bits) => Add(argument, isHigh: false, bits, [], stops: true);

    /// <summary>Stops where the upper half of an argument has one of some bits.</summary>
    public ArgumentTest WhenAnyHigh(int argument, uint bits) => Add(argument, isHigh: true, bits, [], stops: true);

    /// <summary>Passes where the lower half of an argument is one of some values.</summary>
    public ArgumentTest Unless(int argument, params ReadOnlySpan<uint> values) =>
        Add(argument, isHigh: false, uint.MaxValue, values, stops: false);

    /// <summary>Passes where the lower half of an argument has one of some bits.</summary>
    public ArgumentTest UnlessAny(int argument, uint bits) => Add(argument, isHigh: false, bits, [], stops: false);

    /// <summary>The test as code of a filter.</summary>
    public void Emit(BpfProgram program)
    {
        foreach (Condition condition in _conditions)
        {
            string target = condition.Stops ? "trace" : "allow";
            _ = program.Load(BpfProgram.ArgumentOffset(condition.Argument) + (condition.IsHigh ? 4u : 0u));
            if (condition.Values.Length == 0)
            {
                _ = program.IfAny(condition.Mask, target);
                continue;
            }

            if (condition.Mask != uint.MaxValue)
            {
                _ = program.And(condition.Mask);
            }

            foreach (uint value in condition.Values)
            {
                _ = program.IfEqual(value, target);
            }
        }

        _ = otherwise ? program.Jump("trace") : program.Return(BpfProgram.Allow);
    }

    private ArgumentTest Add(int argument, bool isHigh, uint mask, ReadOnlySpan<uint> values, bool stops)
    {
        _conditions.Add(new Condition(argument, isHigh, mask, values.ToArray(), stops));
        return this;
    }

    // Without values: any of the mask's bits.
    private sealed record Condition(int Argument, bool IsHigh, uint Mask, uint[] Values, bool Stops);
}
