using System.Globalization;
using Cloister.Linux;

namespace Cloister.Cli.Debugging;

/// <summary>
/// The terminal that a debugger and its program share: the program has it while it runs, as under a gdb that traces it itself.
/// </summary>
internal sealed class DebugTerminal
{
    /// <summary>The variable in which <c>cloister gdb</c> tells the run whose terminal it is.</summary>
    public const string Variable = "CLOISTER_DEBUGGER_GROUP";

    private readonly int _debugger, _own;

    /// <summary>Whether an entry of an environment is that variable, which is none of the program's.</summary>
    public static bool IsIts(ReadOnlySpan<byte> entry) => entry.StartsWith("CLOISTER_DEBUGGER_GROUP="u8);

    /// <summary>Whether <c>cloister gdb</c> has started the run, whose gdb comes once.</summary>
    public static bool IsAsked => Environment.GetEnvironmentVariable(Variable) is not null;

    private DebugTerminal(int debugger) => (_debugger, _own) = (debugger, TerminalGroup.Of(0));

    /// <summary>Takes the program, which is about to be started, out of the debugger's group; null where they share no terminal.</summary>
    public static DebugTerminal? Begin() =>
        int.TryParse(Environment.GetEnvironmentVariable(Variable), NumberStyles.None, CultureInfo.InvariantCulture, out int group)
            && group > 0
            && TerminalGroup.BeginOwn() ? new DebugTerminal(group) : null;

    /// <summary>The program runs.</summary>
    public void ToProgram()
    {
        if (TerminalGroup.Current == _debugger)
        {
            _ = TerminalGroup.TryGive(_own);
        }
    }

    /// <summary>It stands, or has ended.</summary>
    public void ToDebugger()
    {
        if (TerminalGroup.Current == _own)
        {
            _ = TerminalGroup.TryGive(_debugger);
        }
    }
}
