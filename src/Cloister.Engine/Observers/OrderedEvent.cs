namespace Cloister.Engine.Observers;

/// <summary>What the engine makes happen because somebody ordered it.</summary>
public enum OrderedEvent
{
    /// <summary>The machine loses power: the EPC is empty.</summary>
    PowerLoss,

    /// <summary>A thread is interrupted at a place of an enclave's code.</summary>
    Interrupt,
}
