namespace Cloister.Engine.Fast;

/// <summary>What the tables have of a thread, and how far the model has followed it.</summary>
/// <param name="slot">Its slot.</param>
internal sealed class FastThread(int slot)
{
    /// <summary>Its slot in the tables.</summary>
    public int Slot { get; } = slot;

    /// <summary>Entries it had made when the model last followed it.</summary>
    public ulong Count { get; set; }

    /// <summary>ERESUMEs it had made when the model last followed them.</summary>
    public ulong Resumes { get; set; }
}
