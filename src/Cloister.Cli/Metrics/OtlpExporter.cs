using System.Net.Http.Headers;

namespace Cloister.Cli.Metrics;

/// <summary>Sends metrics by OpenTelemetry's protocol over HTTP. Whatever becomes of it, the run goes on; one line tells of it.</summary>
internal sealed class OtlpExporter : IDisposable
{
    // The end of the run waits no longer for an address that does not answer.
    private static readonly TimeSpan s_last = TimeSpan.FromSeconds(2);

    private readonly OtlpTarget _target;
    private readonly Func<CancellationToken, Task<byte[]>> _metrics;
    private readonly Action<string> _notice;
    private readonly CancellationTokenSource _end = new();
    private readonly HttpClient _client;
    private readonly Task _sending;
    private int _hasFailed;

    private OtlpExporter(OtlpTarget target, Func<CancellationToken, Task<byte[]>> metrics, Action<string> notice)
    {
        (_target, _metrics, _notice) = (target, metrics, notice);
        _client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = target.Patience })
        {
            Timeout = target.Patience,
        };
        _sending = Task.Run(Send);
    }

    /// <summary>Begins to send, each time that the target says.</summary>
    /// <param name="target">Where.</param>
    /// <param name="metrics">Makes what is sent.</param>
    /// <param name="notice">Hears once why it does not arrive.</param>
    public static OtlpExporter Begin(OtlpTarget target, Func<CancellationToken, Task<byte[]>> metrics, Action<string> notice) =>
        new(target, metrics, notice);

    /// <summary>The run has ended: what it came to is sent, if that does not take long.</summary>
    /// <param name="last">That.</param>
    public void Finish(byte[] last)
    {
        _end.Cancel();
        using var patience = new CancellationTokenSource(s_last);
        Task sent = Task.Run(() => Send(last, patience.Token));
        if (!sent.Wait(s_last + TimeSpan.FromSeconds(1)))
        {
            Fail("no answer");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _end.Cancel();

        // Somebody else's patience may hold it up.
        _ = _sending.Wait(s_last);
        _client.Dispose();
        _end.Dispose();
    }

    private async Task Send()
    {
        using var timer = new PeriodicTimer(_target.Interval);
        try
        {
            while (await timer.WaitForNextTickAsync(_end.Token).ConfigureAwait(false))
            {
                byte[] values;
                try
                {
                    values = await _metrics(_end.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException) when (!_end.IsCancellationRequested)
                {
                    // Too many ask at once, or the run is ending.
                    continue;
                }

                await Send(values, _end.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private async Task Send(byte[] values, CancellationToken cancellation)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, _target.Endpoint) { Content = new ByteArrayContent(values) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-protobuf");
            foreach ((string name, string value) in _target.Headers)
            {
                _ = request.Headers.TryAddWithoutValidation(name, value);
            }

            using HttpResponseMessage answer = await _client
                .SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
            if (!answer.IsSuccessStatusCode)
            {
                Fail($"HTTP status {(int)answer.StatusCode}");
            }
        }
        catch (OperationCanceledException)
        {
            if (!_end.IsCancellationRequested || cancellation != _end.Token)
            {
                Fail("no answer");
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException or FormatException or InvalidOperationException)
        {
            Fail(PrintableText.Of((e.InnerException ?? e).Message.ReplaceLineEndings(" ")));
        }
    }

    // What went wrong once goes wrong again, and nobody reads it twice.
    private void Fail(string why)
    {
        if (Interlocked.Exchange(ref _hasFailed, 1) == 0)
        {
            _notice($"metrics cannot be sent to {_target.Endpoint.GetLeftPart(UriPartial.Path)}: {why}; the run goes on");
        }
    }
}
