using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;

namespace Cloister.Engine.SystemCalls;

/// <summary>A system call that may stop.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Name">Its name.</param>
/// <param name="Sentence">What is done about it.</param>
/// <param name="Handler">What does it.</param>
/// <param name="Stops">By which filters it stops, and when.</param>
internal sealed record SystemCallRow(
    long Number, string Name, string Sentence, Func<SystemCallHandlers, TracedThread, Answer> Handler,
    params (FilterSet Set, ArgumentTest Test)[] Stops);
