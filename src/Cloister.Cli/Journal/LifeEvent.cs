using Cloister.Architecture;

namespace Cloister.Cli.Journal;

/// <summary>Something that happened to a page, so many times in a row.</summary>
/// <param name="What">A leaf and how it was refused, an access that faulted, or several that came again and again.</param>
/// <param name="Times">How often.</param>
/// <param name="States">What the EPCM had afterwards, where that was looked at.</param>
internal sealed record LifeEvent(string What, int Times, IReadOnlyList<SecinfoFlags> States);
