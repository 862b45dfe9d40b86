namespace Cloister.Engine.Platforms;

/// <summary>Reads code as the processor fetches it, which may not be as a debugger would see it.</summary>
internal interface ICodeReader
{
    /// <summary>Reads bytes from an address on.</summary>
    /// <returns>How many could be read.</returns>
    int ReadCode(ulong address, Span<byte> code);
}
