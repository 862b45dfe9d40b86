using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Cloister.Cli.Containers;

/// <summary>
/// How much EPC a pod asked for, by the node's device plugin, which asks the cluster: no container is told of a resource that has no
/// device.
/// </summary>
/// <param name="path">Its socket.</param>
internal sealed class PodEpc(string path)
{
    /// <summary>The most that an answer has.</summary>
    public const int Longest = 1024;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>This node's.</summary>
    public static PodEpc OfThisNode { get; } = new("/run/cloister/pods.sock");

    /// <summary>Where it is.</summary>
    public string Path { get; } = path;

    /// <summary>Asks.</summary>
    /// <param name="pod">Which pod.</param>
    /// <returns>Bytes; null where it asks for none, or nobody is there who knows.</returns>
    /// <exception cref="ContainerException">Why it cannot be known.</exception>
    public long? Ask(PodName pod)
    {
        int patience = (int)s_patience.TotalMilliseconds;
        using var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        {
            ReceiveTimeout = patience,
            SendTimeout = patience,
        };
        try
        {
            connection.Connect(new UnixDomainSocketEndPoint(Path));
        }
        catch (SocketException)
        {
            return null; // no plugin, or a user's own container
        }

        byte[] answer = new byte[Longest];
        int length = 0;
        try
        {
            _ = connection.Send(Encoding.UTF8.GetBytes(pod.Text + "\n"));
            for (int read; length < answer.Length
                && (read = connection.Receive(answer, length, answer.Length - length, SocketFlags.None)) > 0;)
            {
                length += read;
            }
        }
        catch (SocketException e)
        {
            throw new ContainerException(
                $"the EPC of pod {pod.Text}: the device plugin does not answer: {e.Message.ReplaceLineEndings(" ")}",
                Failure.Unavailable, e);
        }

        string text = Encoding.UTF8.GetString(answer, 0, length);
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long bytes) ? bytes == 0 ? null : bytes
            : throw new ContainerException(text.Length == 0 ? $"the EPC of pod {pod.Text}: the device plugin has just ended"
                : PrintableText.Of(text), Failure.Unavailable);
    }
}
