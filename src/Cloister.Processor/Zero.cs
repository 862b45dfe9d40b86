namespace Cloister.Processor;

/// <summary>The "must be zero" of reserved bytes.</summary>
internal static class Zero
{
    public static bool Is(ReadOnlySpan<byte> bytes) => bytes.IndexOfAnyExcept((byte)0) < 0;
}
