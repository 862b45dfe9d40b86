using System.Text;
using Cloister.Engine;
using Cloister.Engine.Options;

namespace Cloister.Cli.Debugging;

/// <summary>A gdb that comes to a run that is under way.</summary>
internal static class DebugVisit
{
    /// <summary>Serves it until it goes.</summary>
    /// <param name="tracer">The run.</param>
    /// <param name="files">Which files enclaves are from.</param>
    /// <param name="process">The process that it wants; 0 for the program's own.</param>
    /// <param name="stream">To it.</param>
    /// <returns>Why it is not served; null when it was.</returns>
    public static async Task<string?> Serve(Tracer tracer, EnclaveFiles files, int process, Stream stream)
    {
        var machine = new DebugMachine(tracer);
        if (!await machine.Attach(process).ConfigureAwait(false))
        {
            return "another debugger is there already, or the process has ended"
                + (tracer.Options.Attach == AttachMode.Device ? ", or nobody traces it (--attach=device), and gdb itself can have it" : "");
        }

        try
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(GdbPipe.Greeting + "\n")).ConfigureAwait(false);
            using var server = new GdbServer(machine, files, stream);
            await server.Serve(isAttached: true, CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            await machine.Leave().ConfigureAwait(false);
        }

        return null;
    }
}
