namespace Cloister.Engine.Observers;

/// <summary>Who observes now.</summary>
internal sealed class Observation
{
    /// <summary>Hears what threads do. Nobody by default.</summary>
    public IEngineObserver Observer { get; set; } = IEngineObserver.Silent;
}
