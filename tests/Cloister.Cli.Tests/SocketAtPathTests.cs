using System.Net.Sockets;

namespace Cloister.Cli.Tests;

/// <summary><see cref="SocketAtPath"/>.</summary>
public sealed class SocketAtPathTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-socket-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Of_many_who_find_one_that_was_left_one_has_it()
    {
        string path = Path.Combine(_folder, "socket");
        for (int round = 0; round < 20; round++)
        {
            Leave(path);
            Assert.True(SocketAtPath.IsLeft(path));
            using var together = new Barrier(8);
            Socket?[] listeners = new Socket?[8];
            Thread[] threads = [.. Enumerable.Range(0, 8).Select(i => new Thread(() =>
            {
                together.SignalAndWait();
                listeners[i] = TryListen(path);
            }))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
            Socket listener = Assert.Single(listeners.OfType<Socket>());
            Assert.False(SocketAtPath.IsLeft(path));
            listener.Dispose();
            File.Delete(path);
        }
    }

    [Fact]
    public void One_whose_queue_is_full_is_not_left()
    {
        string path = Path.Combine(_folder, "busy");
        using Socket listener = SocketAtPath.Listen(path, 0);
        using var waiting = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        waiting.Connect(new UnixDomainSocketEndPoint(path));
        Assert.False(SocketAtPath.IsLeft(path));
        Assert.Null(TryListen(path));
    }

    [Fact]
    public void What_is_no_socket_stays()
    {
        string path = Path.Combine(_folder, "file");
        File.WriteAllText(path, "x");
        Assert.Null(TryListen(path));
        Assert.Equal("x", File.ReadAllText(path));
    }

    [Fact]
    public void Where_there_is_no_folder_there_is_no_socket() =>
        Assert.Equal(SocketError.AddressNotAvailable,
            Assert.Throws<SocketException>(() => SocketAtPath.Listen(Path.Combine(_folder, "none", "socket"), 1)).SocketErrorCode);

    [Fact]
    public void A_path_that_is_too_long_is_none()
    {
        string path = Path.Combine(_folder, new string('x', 120));
        Assert.Throws<ArgumentOutOfRangeException>(() => SocketAtPath.Listen(path, 1));
        Assert.False(SocketAtPath.IsLeft(path));
    }

    [Fact]
    public void An_abstract_name_is_no_file()
    {
        using Socket listener = SocketAtPath.Listen($"\0cloister-test-{Environment.ProcessId}", 1);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    // As a process does that is killed: a socket that is closed here stays, with nobody behind it.
    private static void Leave(string path)
    {
        using var killed = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        killed.Bind(new UnixDomainSocketEndPoint(path));
        killed.Listen(1);
        File.Move(path, path + "-");
        killed.Dispose();
        File.Move(path + "-", path, overwrite: true);
    }

    private static Socket? TryListen(string path)
    {
        try
        {
            return SocketAtPath.Listen(path, 1);
        }
        catch (SocketException)
        {
            return null;
        }
    }
}
