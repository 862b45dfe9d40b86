using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine;
using Cloister.Engine.Observers;
using Cloister.Processor;

namespace Cloister.Cli.Dumping;

/// <summary>
/// The memory of an enclave as it is at one moment, as an ELF core file: a segment for pages in a row that are alike, where they are in the
/// address space, and a note of registers for each TCS whose thread was interrupted. Pages that are written out are decrypted and stay
/// written out.
/// </summary>
internal static class EnclaveCore
{
    private const int PageSize = LinearAddress.PageSize;

    /// <summary>Writes it. Of the tracer's thread.</summary>
    /// <param name="view">The machine.</param>
    /// <param name="enclave">The enclave, which was created.</param>
    /// <param name="to">Where it goes, from its beginning.</param>
    /// <returns>Pages that are in it, and pages that could not be read.</returns>
    public static (int Pages, int Unreadable) Write(MachineView view, IOpenEnclave enclave, Stream to)
    {
        Dictionary<ulong, int> inside = [];
        foreach (IObservedThread thread in view.Processes.SelectMany(process => process.Threads)
            .Where(thread => thread.Processor.EnclaveMode && thread.Processor.Eid == enclave.Eid))
        {
            inside[thread.Processor.Tcs.Value] = thread.Id;
        }

        view.ForceExits(enclave);
        List<CoreSegment> segments = [];
        List<ulong> threads = [];
        byte[] page = new byte[PageSize];
        int unreadable = 0;
        foreach (EnclavePages row in view.Driver.PagesOf(enclave, enclave.Base, new LinearAddress(enclave.Base.Value + enclave.Size - 1)))
        {
            for (int i = 0; i < row.Count; i++)
            {
                LinearAddress at = row.Start + ((ulong)i * PageSize);
                if (!view.Driver.TryRead(enclave, at, page, out SecinfoFlags flags))
                {
                    unreadable++;
                    continue;
                }

                PageType type = new Secinfo(flags).PageType;
                if (type == PageType.Tcs)
                {
                    threads.Add(at.Value);
                }

                SecinfoFlags permissions = type == PageType.Tcs ? SecinfoFlags.R : flags & SecinfoFlags.PermissionMask;
                if (segments is [.., { } last] && last.End == at.Value && last.Permissions == permissions)
                {
                    last.End += PageSize;
                }
                else
                {
                    segments.Add(new CoreSegment(at.Value, permissions));
                }
            }
        }

        byte[] notes = CoreNotes.Of(Registers(view.Driver, enclave, threads, inside));
        new CoreHeader(segments, notes.Length).WriteTo(to);
        to.Write(notes);
        to.Write(new byte[-(CoreHeader.Length(segments.Count) + notes.Length) & (PageSize - 1)]);
        int pages = 0;
        foreach (CoreSegment segment in segments)
        {
            for (ulong at = segment.Start; at < segment.End; at += PageSize, pages++)
            {
                // It was readable a moment ago, and nothing ran since.
                _ = view.Driver.TryRead(enclave, new LinearAddress(at), page, out _);
                to.Write(page);
            }
        }

        return (pages, unreadable);
    }

    // What the newest frame of a TCS has, where a thread was interrupted and has not come back.
    private static IEnumerable<(int Thread, Gprsgx Registers)> Registers(ISgxDriver driver, IOpenEnclave enclave, List<ulong> threads,
        Dictionary<ulong, int> inside)
    {
        if (!driver.TryReadSecs(enclave, out Secs secs))
        {
            yield break;
        }

        byte[] page = new byte[PageSize];
        for (int number = 1; number <= threads.Count; number++)
        {
            ulong address = threads[number - 1];
            if (!driver.TryRead(enclave, new LinearAddress(address), page, out _) || MemoryMarshal.Read<Tcs>(page) is not { Cssa: > 0 } tcs)
            {
                continue;
            }

            // It ends with its page: GPRSGX is at the end of a frame.
            LinearAddress saved = StateSaveArea.FrameGprsgx(in secs, in tcs, tcs.Cssa - 1);
            if (driver.TryRead(enclave, saved.PageBase, page, out _))
            {
                yield return (inside.GetValueOrDefault(address, number), MemoryMarshal.Read<Gprsgx>(page.AsSpan(saved.PageOffset)));
            }
        }
    }
}
