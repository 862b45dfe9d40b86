using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Cloister.Cli.Profiling;

/// <summary>Samples as text or for pprof.</summary>
internal static class ProfileText
{
    /// <summary>Whether a file's name is that of pprof's format.</summary>
    public static bool IsPprof(string path) => path.EndsWith(".pb.gz", StringComparison.OrdinalIgnoreCase)
        || path.EndsWith(".pprof", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Collapsed stacks, as flamegraph.pl and others read them: functions from the outermost to the innermost, and how often.
    /// </summary>
    public static byte[] Collapsed(IEnumerable<(IReadOnlyList<ProfiledFrame> Frames, long Count)> samples)
    {
        var counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach ((IReadOnlyList<ProfiledFrame> frames, long count) in samples)
        {
            string stack = string.Join(';', frames.Reverse().Select(frame => frame.Function.Replace(';', ':').ReplaceLineEndings(" ")));
            counts[stack] = counts.GetValueOrDefault(stack) + count;
        }

        return Encoding.UTF8.GetBytes(
            string.Concat(counts.Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Key} {one.Value}\n"))));
    }

    /// <summary>A message perftools.profiles.Profile, compressed. github.com/google/pprof, proto/profile.proto.</summary>
    /// <param name="samples">The samples, the innermost function first.</param>
    /// <param name="inSecond">How often samples were taken.</param>
    /// <param name="began">When the first could have been.</param>
    /// <param name="duration">How long.</param>
    public static byte[] Pprof(IEnumerable<(IReadOnlyList<ProfiledFrame> Frames, long Count)> samples, int inSecond, DateTimeOffset began,
        TimeSpan duration)
    {
        const int nanoseconds = 1_000_000_000;
        long period = nanoseconds / inSecond;
        var texts = new Dictionary<string, ulong> { [""] = 0 };
        ulong Text(string text) => texts.TryGetValue(text, out ulong known) ? known : texts[text] = (ulong)texts.Count;
        var places = new Dictionary<ProfiledFrame, ulong>();
        var functions = new Dictionary<(string Name, string File), ulong>();
        var body = new ProtobufWriter();
        ProtobufWriter Type(string name, string unit) => new ProtobufWriter().Number(1, Text(name)).Number(2, Text(unit));
        _ = body.Message(1, Type("samples", "count")).Message(1, Type("cpu", "nanoseconds"));
        foreach ((IReadOnlyList<ProfiledFrame> frames, long count) in samples)
        {
            var sample = new ProtobufWriter();
            foreach (ProfiledFrame frame in frames)
            {
                if (!places.TryGetValue(frame, out ulong place))
                {
                    places[frame] = place = (ulong)places.Count + 1;
                }

                _ = sample.Number(1, place);
            }

            _ = body.Message(2, sample.Number(2, (ulong)count).Number(2, (ulong)(count * period)));
        }

        foreach ((ProfiledFrame frame, ulong place) in places)
        {
            int colon = frame.Source?.LastIndexOf(':') ?? -1;
            (string file, string line) = colon < 0 ? (frame.File, "0") : (frame.Source![..colon], frame.Source![(colon + 1)..]);
            if (!functions.TryGetValue((frame.Function, file), out ulong function))
            {
                functions[(frame.Function, file)] = function = (ulong)functions.Count + 1;
            }

            ProtobufWriter where = new ProtobufWriter().Number(1, function).Number(2, ulong.Parse(line, CultureInfo.InvariantCulture));
            _ = body.Message(4, new ProtobufWriter().Number(1, place).Message(4, where));
        }

        foreach (((string name, string file), ulong function) in functions)
        {
            _ = body.Message(5, new ProtobufWriter().Number(1, function).Number(2, Text(name)).Number(3, Text(name)).Number(4, Text(file)));
        }

        ProtobufWriter periodType = Type("cpu", "nanoseconds");
        foreach (string text in texts.OrderBy(text => text.Value).Select(text => text.Key))
        {
            _ = body.Bytes(6, Encoding.UTF8.GetBytes(text));
        }

        _ = body.Number(9, (ulong)(began.ToUnixTimeMilliseconds() * 1_000_000)).Number(10, (ulong)(duration.Ticks * 100))
            .Message(11, periodType).Number(12, (ulong)period);
        var compressed = new MemoryStream();
        using (var zip = new GZipStream(compressed, CompressionLevel.Optimal))
        {
            zip.Write(body.Written);
        }

        return compressed.ToArray();
    }
}
