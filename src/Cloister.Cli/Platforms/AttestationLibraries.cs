using Cloister.Attestation.Libraries;
using Cloister.Engine.Libraries;
using Cloister.Engine.Options;

namespace Cloister.Cli.Platforms;

/// <summary>The libraries of Cloister.Attestation as the engine serves them: their functions in one row, answered at one socket.</summary>
internal static class AttestationLibraries
{
    /// <summary>The abstract name, without the zero in front, that calls connect to.</summary>
    public const string Socket = "cloister_attestation_libraries";

    private static readonly LibraryFunction[] s_functions = [.. AttestationLibrary.All.SelectMany(library => library.Functions)];

    /// <summary>For the engine.</summary>
    public static IReadOnlyList<ServedLibrary> Served { get; } = Number();

    /// <summary>Answers a call.</summary>
    public static async Task Serve(LibraryServices services, Stream stream, CancellationToken cancellation)
    {
        ForwardedCall call = await ForwardedCall.Accept(stream, cancellation).ConfigureAwait(false);
        if (call.Function < (ulong)s_functions.Length)
        {
            uint result = await s_functions[call.Function].Answer(new LibraryCall(new CallerMemory(call), call.Arguments, services))
                .ConfigureAwait(false);
            await call.End(result).ConfigureAwait(false);
        }
    }

    private static List<ServedLibrary> Number()
    {
        List<ServedLibrary> served = [];
        int first = 0;
        foreach (AttestationLibrary library in AttestationLibrary.All)
        {
            served.Add(new ServedLibrary(library.FileNames, [.. library.Functions.Select(function => function.Name)], first,
                (int)library.Unavailable, Socket));
            first += library.Functions.Count;
        }

        return served;
    }
}
