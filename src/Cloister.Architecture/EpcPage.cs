namespace Cloister.Architecture;

/// <summary>A page of the EPC, by its number from the beginning of the first section.</summary>
/// <param name="Index">0 to the number of EPC pages - 1, or -1 for <see cref="None"/>.</param>
public readonly record struct EpcPage(int Index)
{
    /// <summary>No page.</summary>
    public static EpcPage None => new(-1);

    /// <summary>Whether it is <see cref="None"/>.</summary>
    public bool IsNone => Index < 0;

    /// <inheritdoc/>
    public override string ToString() => IsNone ? "epc:none" : $"epc:{Index}";
}
