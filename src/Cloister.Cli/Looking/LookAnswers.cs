using System.Diagnostics;
using System.Text;
using Cloister.Architecture;
using Cloister.Cli.Dumping;
using Cloister.Cli.Metrics;
using Cloister.Cli.Tracing;
using Cloister.Driver;
using Cloister.Engine;
using Cloister.Engine.Observers;

namespace Cloister.Cli.Looking;

/// <summary>Answers what is asked of a run. The tracer's thread looks; what it saw is written down by the thread that asked.</summary>
/// <param name="tracer">The run.</param>
/// <param name="header">What it is called.</param>
/// <param name="counts">Counts it.</param>
/// <param name="files">Files that the program opened.</param>
internal sealed class LookAnswers(Tracer tracer, Func<TraceHeader> header, LookCounts counts, Func<IReadOnlyList<string>> files)
{
    // Of pages that are all unlike there may be millions.
    private const int MostRows = 100_000;
    private const int CodeLength = 32;

    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly DateTimeOffset _beganAt = DateTimeOffset.UtcNow;

    private double Seconds => Math.Round(Stopwatch.GetElapsedTime(_began).TotalSeconds, 3);

    /// <summary>Makes an answer.</summary>
    public async Task<LookAnswer> Answer(LookRequest request, CancellationToken cancellation) => request.Verb switch
    {
        LookVerb.Ps => new LookAnswer(LookJson.Bytes(await tracer.Ask(Machine, cancellation).ConfigureAwait(false))),
        LookVerb.Maps =>
            new LookAnswer(LookJson.Bytes(await tracer.Ask(view => Maps(view, request.Address), cancellation).ConfigureAwait(false))),
        LookVerb.Metrics => new LookAnswer(await Metrics(cancellation).ConfigureAwait(false)),
        LookVerb.Dump => await Dump(request.Enclave, cancellation).ConfigureAwait(false),

        // The counts go on when the tracer does.
        _ => new LookAnswer(await tracer.Ask(view => LookJson.Bytes(counts.Look(view, Seconds, request.Resets)), cancellation)
            .ConfigureAwait(false)),
    };

    /// <summary>What it did, as Prometheus reads it.</summary>
    public async Task<byte[]> Metrics(CancellationToken cancellation) => await tracer.Ask(
        view =>
        {
            var text = new MetricsText();
            Write(view, text);
            return Encoding.UTF8.GetBytes(text.ToString());
        },
        cancellation).ConfigureAwait(false);

    /// <summary>What it did, as OpenTelemetry's protocol has it.</summary>
    public async Task<byte[]> Export(OtlpTarget target, CancellationToken cancellation) =>
        await tracer.Ask(view => Message(view, target), cancellation).ConfigureAwait(false);

    /// <summary>The same when the run has ended.</summary>
    public byte[] LastExport(OtlpTarget target) => tracer.LookAfter(view => Message(view, target));

    private byte[] Message(MachineView view, OtlpTarget target)
    {
        var message = new OtlpMessage(_beganAt, DateTimeOffset.UtcNow, target.Resource);
        Write(view, message);
        return message.Written();
    }

    private void Write(MachineView view, IMetricSink sink) =>
        RunMetrics.Write(sink, view, header(), Seconds, counts.Summary(view, Seconds));

    // The tracer writes it to a file without a name, which may be as large as the enclave;
    // whoever asked takes it from there in its own time.
    private async Task<LookAnswer> Dump(ulong number, CancellationToken cancellation)
    {
        FileStream memory = UnnamedFile.Make();
        try
        {
            DumpLook? look = await tracer.Ask(view => Dump(view, number, memory), cancellation).ConfigureAwait(false);
            if (look is null)
            {
                await memory.DisposeAsync().ConfigureAwait(false);
                return new LookAnswer(LookJson.Refusal($"it has no enclave {number}"));
            }

            memory.Position = 0;
            return new LookAnswer(LookJson.Bytes(look), memory);
        }
        catch (Exception e)
        {
            await memory.DisposeAsync().ConfigureAwait(false);
            if (e is IOException full)
            {
                return new LookAnswer(LookJson.Refusal($"no room for the enclave's memory: {FileProblem.Of(Path.GetTempPath(), full)}"));
            }

            throw;
        }
    }

    private static DumpLook? Dump(MachineView view, ulong number, Stream memory)
    {
        if (view.Driver.Enclaves.FirstOrDefault(one => one.IsCreated && one.Eid == number) is not { } enclave)
        {
            return null;
        }

        (int pages, int unreadable) = EnclaveCore.Write(view, enclave, memory);
        memory.Flush();
        return new DumpLook
        {
            Pid = Environment.ProcessId,
            Enclave = number,
            Length = memory.Length,
            Pages = pages,
            Unreadable = unreadable,
            Sigstruct = Convert.ToHexStringLower(enclave.Sigstruct.Span),
        };
    }

    private MachineLook Machine(MachineView view)
    {
        IReadOnlyList<ObservedProcess> processes = view.Processes;
        DriverStatistics driver = view.Driver.Statistics;
        TraceHeader what = header();
        return new MachineLook
        {
            Pid = Environment.ProcessId,
            Program = view.Program,
            Command = what.Program,
            Version = what.Version,
            Engine = what.Engine,
            Isolation = what.Isolation,
            Interface = what.Interface,
            Seconds = Seconds,
            EpcPagesTotal = driver.EpcPagesTotal,
            EpcPagesFree = driver.EpcPagesFree,
            Processes =
            [
                .. processes.Select(process => new ProcessLook
                {
                    Pid = process.Id,
                    Threads = [.. process.Threads.Select(
                        thread => new ThreadLook { Tid = thread.Id, Enclave = thread.Processor.EnclaveMode ? thread.Processor.Eid : 0 })],
                }),
            ],
            Enclaves = [.. view.Driver.Enclaves.Where(one => one.IsCreated).OrderBy(one => one.Eid).Select(one => Enclave(one, processes))],
        };
    }

    private static EnclaveLook Enclave(IOpenEnclave enclave, IReadOnlyList<ObservedProcess> processes)
    {
        (ReadOnlyMemory<byte> measured, ReadOnlyMemory<byte> signer) = enclave.Identity;
        return new EnclaveLook
        {
            Enclave = enclave.Eid,
            Base = $"0x{enclave.Base.Value:x}",
            Size = enclave.Size,
            State = MachineNames.StateOf(enclave),
            Debug = enclave.IsDebug,
            Mrenclave = measured.IsEmpty ? null : Convert.ToHexStringLower(measured.Span),
            Mrsigner = signer.IsEmpty ? null : Convert.ToHexStringLower(signer.Span),
            Pages = enclave.PageCount,
            PagesInEpc = enclave.ResidentPageCount,
            ThreadsInside = processes.Sum(
                process => process.Threads.Count(thread => thread.Processor.EnclaveMode && thread.Processor.Eid == enclave.Eid)),
            Processes = [.. processes.Where(process => process.Mappings.Any(mapping => mapping.Enclave == enclave))
                .Select(process => process.Id)],
        };
    }

    private MapsLook Maps(MachineView view, ulong? address)
    {
        IReadOnlyList<ObservedProcess> processes = view.Processes;
        List<MappedEnclaveLook> all = [];
        int left = MostRows;
        foreach (ObservedProcess process in processes)
        {
            foreach (IOpenEnclave enclave in process.Mappings.Select(mapping => mapping.Enclave).OfType<IOpenEnclave>()
                .Where(one => one.IsCreated).Distinct().OrderBy(one => one.Eid))
            {
                (ulong first, ulong end) = (enclave.Base.Value, unchecked(enclave.Base.Value + enclave.Size));
                if (address is { } one)
                {
                    if (one - first >= enclave.Size)
                    {
                        continue;
                    }

                    first = new LinearAddress(one).PageBase.Value;
                    end = first + LinearAddress.PageSize;
                }

                List<PagesLook> rows = [
                    .. Rows(view, enclave, [.. process.Mappings.Where(mapping => mapping.Enclave == enclave)], first, end, address)
                        .Take(left + 1)];
                left -= rows.Count;
                all.Add(new MappedEnclaveLook
                {
                    Process = process.Id,
                    Enclave = Enclave(enclave, processes),
                    Rows = left < 0 ? rows[..^1] : rows,
                });
                if (left < 0)
                {
                    return new MapsLook { Pid = Environment.ProcessId, Enclaves = all, Cut = true, Files = files() };
                }
            }
        }

        return new MapsLook { Pid = Environment.ProcessId, Enclaves = all, Cut = false, Files = files() };
    }

    // Where the mapping changes, or the page is another's like, a row ends. What is mapped without a page is a row of its own.
    private static IEnumerable<PagesLook> Rows(MachineView view, IOpenEnclave enclave, ObservedMapping[] mappings, ulong first, ulong end,
        ulong? address)
    {
        for (ulong at = first; at < end;)
        {
            ObservedMapping? mapping = Array.Find(mappings, one => one.Start <= at && at < one.End);
            ulong next = mapping?.End ?? mappings.Where(one => one.Start > at).Select(one => one.Start).DefaultIfEmpty(end).Min();
            next = Math.Min(next, end);
            foreach (EnclavePages pages in view.Driver.PagesOf(enclave, new LinearAddress(at), new LinearAddress(next - 1)))
            {
                if (pages.Start.Value > at && mapping is not null)
                {
                    yield return Row(at, pages.Start.Value, mapping, null);
                }

                at = pages.Start.Value + ((ulong)pages.Count * LinearAddress.PageSize);
                yield return WithCode(view, enclave, Row(pages.Start.Value, at, mapping, pages), pages, address);
            }

            if (at < next && mapping is not null)
            {
                yield return Row(at, next, mapping, null);
            }

            at = next;
        }
    }

    private static PagesLook Row(ulong start, ulong end, ObservedMapping? mapping, EnclavePages? pages) => new()
    {
        Start = $"0x{start:x}",
        End = $"0x{end:x}",
        Pages = (long)((end - start) / LinearAddress.PageSize),
        Mapping = mapping is null ? null : MachineNames.Permissions(mapping.Protection),
        Type = pages is { } known ? MachineNames.Of(known.Type) : null,
        Permissions = pages is { IsResident: true } there
            ? MachineNames.Permissions((int)(there.Secinfo & SecinfoFlags.PermissionMask)) : null,
        Where = pages is null ? "none" : pages.Value.IsResident ? "epc" : "written out",
        State = pages is { } state ? [.. MachineNames.StatesOf(state)] : [],
    };

    private static PagesLook WithCode(MachineView view, IOpenEnclave enclave, PagesLook row, in EnclavePages pages, ulong? address)
    {
        LinearAddress at = address is { } asked ? new LinearAddress(asked) : pages.Start;
        EpcPage page = (pages.Secinfo & SecinfoFlags.X) != 0 && !pages.IsBlocked ? view.Driver.EpcPageAt(enclave, at) : EpcPage.None;
        if (page.IsNone)
        {
            return row;
        }

        // Beginning before the address where the page ends: what is compared is as long as can be had.
        int from = Math.Min((int)(at - at.PageBase), LinearAddress.PageSize - CodeLength);
        return row with { Code = Convert.ToHexStringLower(view.Machine.Memory.Contents(page).Slice(from, CodeLength)), CodeOffset = from };
    }
}
