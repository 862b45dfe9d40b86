namespace Cloister.Engine.Tests.Enclaves;

/// <summary>Tests whose program is this process: one at a time, for enclaves lie at the same address.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public class ScenarioCollection
{
    public const string Name = "the program is this process";
}
