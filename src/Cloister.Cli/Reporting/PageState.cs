using Cloister.Architecture;

namespace Cloister.Cli.Reporting;

/// <summary>What a page of an enclave is: what the EPCM says of it, or where it is instead.</summary>
/// <param name="Code">Its number; 0 for a page that never was.</param>
internal readonly record struct PageState(ushort Code)
{
    // Each that an EPCM entry can have, as a trace writes it.
    private static readonly string[] s_texts = ["no page", "removed", "written out", .. Entries()];

    private static readonly Dictionary<string, ushort> s_codes =
        Enumerable.Range(FirstEntry, s_texts.Length - FirstEntry).ToDictionary(code => s_texts[code], code => (ushort)code);

    private const int FirstEntry = 3;

    /// <summary>There was never a page.</summary>
    public static PageState None => new(0);

    /// <summary>It is in the EPC no more: EREMOVE, or a loss of power.</summary>
    public static PageState Removed => new(1);

    /// <summary>It is in the EPC no more, and can come back: EWB.</summary>
    public static PageState WrittenOut => new(2);

    /// <summary>Whether it is in the EPC.</summary>
    public bool IsInEpc => Code >= FirstEntry;

    /// <summary>Whether it is of that type, or in that state: PT_TCS, PENDING.</summary>
    public bool Has(string word) => IsInEpc && s_texts[Code].Split(' ').Contains(word);

    /// <summary>Reads what a trace says; null where that is none.</summary>
    public static PageState? Read(string text) => s_codes.TryGetValue(text, out ushort code) ? new PageState(code) : null;

    /// <inheritdoc/>
    public override string ToString() => s_texts[Code];

    private static IEnumerable<string> Entries() =>
        from type in Enum.GetValues<PageType>()
        from flags in Enumerable.Range(0, 1 << 6)
        from blocked in (bool[])[false, true]
        select MachineNames.OfEntry((SecinfoFlags)flags | (SecinfoFlags)((ulong)type << 8), blocked);
}
