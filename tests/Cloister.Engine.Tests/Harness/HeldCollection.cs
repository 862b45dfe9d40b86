namespace Cloister.Engine.Tests.Harness;

/// <summary>Tests that really hold programs: one at a time, for whoever waits for one is told of all children of this process.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public class HeldCollection
{
    public const string Name = "programs are really held";
}
