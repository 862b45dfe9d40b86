using System.Reflection;

namespace Cloister.Host.Tests.Programs;

/// <summary>
/// The program that the tests run on the machine: <c>dotnet Cloister.Host.Tests.dll METHOD [NAME]</c> runs the method of that name of
/// <see cref="Scenarios"/>, or all of them, and enters by METHOD, an <see cref="EntryMethod"/>. It ends with 0 when nothing was thrown.
/// <c>... load FILE...</c> and <c>... init FILE SIGSTRUCT...</c> are <see cref="FileLoads"/>.
/// </summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        if (arguments[0] is "load" or "init")
        {
            return FileLoads.Run(arguments);
        }

        EntryMethod method = Enum.Parse<EntryMethod>(arguments[0]);
        int failed = 0;
        foreach (MethodInfo scenario in arguments.Length == 1 ? Scenarios.All : Scenarios.Named(arguments[1]))
        {
            try
            {
                scenario.CreateDelegate<Action<EntryMethod>>()(method);
                Console.WriteLine($"{scenario.Name}: ok");
            }
            catch (Exception e)
            {
                failed++;
                Console.WriteLine($"{scenario.Name}: {e}");
            }
        }

        return failed;
    }
}
