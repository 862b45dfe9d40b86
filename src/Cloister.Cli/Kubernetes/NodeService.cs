using Cloister.Cli.Containers;

namespace Cloister.Cli.Kubernetes;

/// <summary>What a node with the machine does until it is ended: serves the kubelet, and says what the node has.</summary>
/// <param name="settings">What it is told.</param>
/// <param name="say">Where a line goes.</param>
internal sealed class NodeService(PluginSettings settings, Action<string> say)
{
    private static readonly TimeSpan s_between = TimeSpan.FromMinutes(1), s_afterProblem = TimeSpan.FromSeconds(10),
        s_farewell = TimeSpan.FromSeconds(5);

    private string? _trouble;
    private bool _waited;

    /// <summary>Does it until it is ended, and leaves nothing.</summary>
    /// <exception cref="NodeException">Why it cannot.</exception>
    public async Task Run(CancellationToken cancellation)
    {
        PluginSocket[] sockets = [
            .. settings.Resources.Select(resource => new PluginSocket(settings.Folder, resource, settings.CdiFolder is not null))];
        var undo = new Stack<Action>();
        bool announced = false;
        try
        {
            // Another plugin is found before anything on the node is changed.
            bool? changed = await Ensure(sockets, cancellation);
            Prepare(undo);
            for (DateTime due = DateTime.MinValue; ; changed = await Ensure(sockets, cancellation))
            {
                due = changed is true ? DateTime.MinValue : due;
                if (settings.Node is { } node && DateTime.UtcNow >= due)
                {
                    announced = true;
                    due = DateTime.UtcNow + await Announce(node, cancellation);
                }

                await Task.Delay(settings.Pause, cancellation);
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
        }
        finally
        {
            foreach (PluginSocket socket in sockets)
            {
                await socket.DisposeAsync();
            }

            await (announced ? Withdraw(settings.Node!) : Task.CompletedTask);
            foreach (Action action in undo)
            {
                action();
            }
        }
    }

    private void Prepare(Stack<Action> undo)
    {
        ProgramFiles? files = settings.CdiFolder is null ? null : ProgramFiles.OfThisProcessIfNative();
        if (settings.Installation is { } folder)
        {
            files = NodeInstallation.Install(folder, ProgramFiles.OfThisProcess(), undo);
        }

        if (settings.CdiFolder is { } cdi)
        {
            OwnFile file = CdiSpecification.Write(cdi, CdiSpecification.Text(settings.Resources, files));
            undo.Push(file.Delete);
        }

        if (settings.Pods is { } pods)
        {
            PodEpcServer.Begin(settings.PodsSocket, pods, undo);
        }

        OwnFile books = settings.Ledger.Announce(settings.Epc);
        undo.Push(settings.Ledger.Clear);
        undo.Push(books.Delete);
    }

    private async Task<bool?> Ensure(PluginSocket[] sockets, CancellationToken cancellation)
    {
        bool? any = false;
        foreach ((PluginSocket socket, SgxResource resource) in sockets.Zip(settings.Resources))
        {
            switch (await socket.Ensure(cancellation))
            {
                case true:
                    say($"registered {resource.Name}: {resource.Count}");
                    any = true;
                    _waited = false;
                    break;
                case null when !_waited:
                    say($"waiting for a kubelet at {settings.Folder}");
                    _waited = true;
                    break;
            }
        }

        return any;
    }

    // What is wrong with the API's server is said once, and tried again: the kubelet is served meanwhile.
    private async Task<TimeSpan> Announce(NodeObject node, CancellationToken cancellation)
    {
        try
        {
            if (await node.Announce(settings.Epc, cancellation))
            {
                say($"announced {SgxResource.Epc}: {settings.Epc}");
            }

            _trouble = null;
            return s_between;
        }
        catch (NodeException e)
        {
            if (e.Message != _trouble)
            {
                _ = Failure.Report($"device-plugin: {e.Message}; trying again", e.Status);
                _trouble = e.Message;
            }

            return s_afterProblem;
        }
    }

    private static async Task Withdraw(NodeObject node)
    {
        using var late = new CancellationTokenSource(s_farewell);
        try
        {
            await node.Withdraw(late.Token);
        }
        catch (Exception e) when (e is NodeException or OperationCanceledException)
        {
            _ = Failure.Report($"device-plugin: the node keeps its labels: {e.Message}", Failure.Unavailable);
        }
    }
}
