namespace Cloister.Processor;

/// <summary>Hears nothing.</summary>
internal sealed class SilentObserver : IMachineObserver
{
    public static SilentObserver Instance { get; } = new();
}
