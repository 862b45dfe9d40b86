namespace Cloister.Cli.Tracing;

/// <summary>What a trace says of its run.</summary>
/// <param name="Version">Cloister's.</param>
/// <param name="Program">The program and its arguments.</param>
/// <param name="Engine">fast or trap.</param>
/// <param name="Isolation">fast or strict.</param>
/// <param name="Interface">The driver's interface.</param>
/// <param name="EpcPages">EPC pages of the machine.</param>
/// <param name="Started">When.</param>
/// <param name="Events">What it has in it.</param>
internal sealed record TraceHeader(string Version, IReadOnlyList<string> Program, string Engine, string Isolation, string Interface,
    long EpcPages, DateTimeOffset Started, TraceKinds Events = TraceKinds.All);
