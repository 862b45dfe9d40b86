using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Cloister.Attestation.Services;
using Cloister.Cli.Containers;

namespace Cloister.Cli.Kubernetes;

/// <summary>
/// Tells the node's container runtime how much EPC pods asked for: a line with the pod's name comes, the number of bytes goes, or why there
/// is none.
/// </summary>
internal static class PodEpcServer
{
    private const int Backlog = 64;

    /// <summary>Begins, at a socket in place of one that was left there.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="pods">The pods.</param>
    /// <param name="undo">What ends it is put there.</param>
    /// <exception cref="NodeException">It cannot be made.</exception>
    public static void Begin(string path, PodObject pods, Stack<Action> undo)
    {
        try
        {
            _ = Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            var server =
                ConnectionServer.Begin(SocketAtPath.Listen(path, Backlog), (stream, cancellation) => Serve(stream, pods, cancellation));
            undo.Push(server.Dispose);
            undo.Push(new OwnFile(path).Delete);

            // Who makes containers is root; nobody else has a question.
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        catch (SocketException e)
        {
            throw new NodeException($"{path} cannot be made: {SocketProblem.Of(path, e)}", Failure.InputOutput, e);
        }
        catch (Exception e) when (FileProblem.IsOne(e))
        {
            throw new NodeException($"{path} cannot be made: {FileProblem.Of(path, e)}", Failure.InputOutput, e);
        }
    }

    private static async Task Serve(Stream stream, PodObject pods, CancellationToken cancellation)
    {
        string answer;
        try
        {
            answer = PodName.Parse(await StreamLine.Read(stream, PodEpc.Longest, cancellation)) is { } pod
                ? (await pods.Epc(pod, cancellation)).ToString(CultureInfo.InvariantCulture)
                : "that is no name of a pod";
        }
        catch (NodeException e)
        {
            answer = e.Message;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(answer);
        await stream.WriteAsync(bytes.AsMemory(0, int.Min(bytes.Length, PodEpc.Longest)), cancellation);
    }
}
