namespace Cloister.Processor.Tests.Harness;

/// <summary>The leaves that a class of tests is about.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class TestsOfAttribute(params Type[] leaves) : Attribute
{
    public IReadOnlyList<Type> Leaves { get; } = leaves;
}
