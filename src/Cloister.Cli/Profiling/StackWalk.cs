using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Cli.Explaining;
using Cloister.Engine.Observers;
using Cloister.Images.Symbols;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Cli.Profiling;

/// <summary>The functions that a thread is in, of enclave and host: by the tables (.eh_frame) of their files.</summary>
/// <param name="machine">The machine.</param>
internal sealed class StackWalk(SgxMachine machine) : IDisposable
{
    private const int MostFrames = 64, MostNames = 100_000;
    private readonly CodeOrigins _origins = new();
    private readonly Dictionary<(CodeSymbols Symbols, ulong Address), (ProfiledFrame Frame, FrameRule? Rule)> _known = [];
    private readonly Dictionary<int, List<MapsLine>> _maps = [];
    private readonly byte[] _page = new byte[LinearAddress.PageSize];

    /// <summary>The files that may be an enclave's.</summary>
    public CodeFiles Files => _origins.Files;

    /// <summary>The frames, the innermost first.</summary>
    public List<ProfiledFrame> Of(IObservedThread thread)
    {
        var frames = new List<ProfiledFrame>();
        (ulong rip, ulong rsp, ulong rbp) = (thread.Rip, thread.Rsp, thread.Rbp);
        if (thread.Processor.EnclaveMode)
        {
            Inside(thread, rip, rsp, rbp, frames);
            frames.Add(new ProfiledFrame($"[enclave {thread.Processor.Eid}]", "", null));
            if (EnteredOn(thread) is not { } host)
            {
                return frames;
            }

            // Whoever executes EENTER has a frame pointer: the vDSO's function, Intel's and others' too.
            (rip, rsp, rbp) = (0, host.Rsp, host.Rbp);
            if (!Unwinding.TryCaller(Unwinding.FramePointer, address => Word(thread, address), ref rip, ref rsp, ref rbp))
            {
                return frames;
            }

            rip--;
        }

        Outside(thread, rip, rsp, rbp, frames);
        return frames;
    }

    /// <inheritdoc/>
    public void Dispose() => _origins.Dispose();

    private void Inside(IObservedThread thread, ulong rip, ulong rsp, ulong rbp, List<ProfiledFrame> frames)
    {
        LogicalProcessor processor = thread.Processor;
        for (ulong at = rip; frames.Count < MostFrames && at - processor.EnclaveBase.Value < processor.EnclaveSize; at = rip - 1)
        {
            ulong page = at & ~(LinearAddress.PageSize - 1UL);
            CodeOrigin? origin = Contents(thread, page) ? _origins.Find(processor.Eid, thread.ProcessId, page, _page) : null;
            if (origin is null)
            {
                frames.Add(new ProfiledFrame(
                    string.Create(CultureInfo.InvariantCulture, $"enclave+0x{at - processor.EnclaveBase.Value:x}"), "", null));
                return;
            }

            (ProfiledFrame frame, FrameRule? rule) = Known(origin.Symbols, unchecked(at - origin.Bias), Path.GetFileName(origin.Path));
            frames.Add(frame);
            if (rule is not { } known || !Unwinding.TryCaller(known, address => Word(thread, address), ref rip, ref rsp, ref rbp))
            {
                return;
            }
        }
    }

    private void Outside(IObservedThread thread, ulong rip, ulong rsp, ulong rbp, List<ProfiledFrame> frames)
    {
        for (ulong at = rip; frames.Count < MostFrames; at = rip - 1)
        {
            rip = at;
            FrameRule? rule = Unwinding.FramePointer;
            if (MapOf(thread.ProcessId, at) is { } map)
            {
                CodeSymbols? symbols = Files.Symbols(map.Path);
                string file = map.Path.StartsWith("/memfd:cloister", StringComparison.Ordinal) ? "[cloister]" : Path.GetFileName(map.Path);
                (ProfiledFrame frame, rule) = symbols?.AddressOf(at - map.Start + map.Offset) is { } own ? Known(symbols, own, file)
                    : (new ProfiledFrame(file, file, null), null);
                frames.Add(frame);
            }
            else if (at != 0)
            {
                return;
            }

            if (rule is not { } known || !Unwinding.TryCaller(known, address => Word(thread, address), ref rip, ref rsp, ref rbp))
            {
                return;
            }
        }
    }

    // EENTER writes RSP and RBP of the host into the frame that the thread would be put into. SDM 3D, EENTER, "URSP" and "URBP".
    private (ulong Rsp, ulong Rbp)? EnteredOn(IObservedThread thread)
    {
        LogicalProcessor processor = thread.Processor;
        if (processor.TcsPage.IsNone || processor.Secs.IsNone)
        {
            return null;
        }

        Tcs tcs = MemoryMarshal.Read<Tcs>(machine.Memory.Contents(processor.TcsPage));
        ulong frame = MemoryMarshal.Read<Secs>(machine.Memory.Contents(processor.Secs)).SsaFrameSize * (ulong)LinearAddress.PageSize;
        ulong registers = unchecked(processor.EnclaveBase.Value + tcs.Ossa + (frame * (tcs.Cssa + 1UL)) - Gprsgx.SizeInBytes);
        return Contents(thread, registers & ~(LinearAddress.PageSize - 1UL))
            && MemoryMarshal.Read<Gprsgx>(_page.AsSpan((int)(registers % LinearAddress.PageSize))) is { Ursp: not 0 } saved
            ? (saved.Ursp, saved.Urbp) : null;
    }

    private (ProfiledFrame Frame, FrameRule? Rule) Known(CodeSymbols symbols, ulong address, string file)
    {
        if (!_known.TryGetValue((symbols, address), out (ProfiledFrame Frame, FrameRule? Rule) known))
        {
            CodePlace? place = symbols.Find(address);
            known = (new ProfiledFrame(place?.Function ?? string.Create(CultureInfo.InvariantCulture, $"{file}+0x{address:x}"), file,
                place?.Line), symbols.FrameAt(address));
            if (_known.Count < MostNames)
            {
                _known[(symbols, address)] = known;
            }
        }

        return known;
    }

    // Looked at again where something new is executed. With strict isolation the host's code is not executable while a thread is inside.
    private MapsLine? MapOf(int process, ulong address)
    {
        for (int i = 0; i < 2; i++)
        {
            if (i > 0 || !_maps.TryGetValue(process, out List<MapsLine>? maps))
            {
                _maps[process] = maps = (MapsLine.Of(process) ?? []).FindAll(map => map.Path.StartsWith('/') && !map.IsMemoryFile);
            }

            if (maps.Find(map => map.Contains(address)) is { } found)
            {
                return found;
            }

            if (address == 0)
            {
                return null;
            }
        }

        return null;
    }

    private ulong? Word(IObservedThread thread, ulong address)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        LogicalProcessor processor = thread.Processor;
        if (processor.EnclaveMode && address - processor.EnclaveBase.Value < processor.EnclaveSize)
        {
            int at = (int)(address % LinearAddress.PageSize);
            return at <= LinearAddress.PageSize - sizeof(ulong) && Contents(thread, address - (ulong)at)
                ? BinaryPrimitives.ReadUInt64LittleEndian(_page.AsSpan(at)) : null;
        }

        return thread.TryRead(address, word) ? BinaryPrimitives.ReadUInt64LittleEndian(word) : null;
    }

    // Nothing is brought in for it.
    private bool Contents(IObservedThread thread, ulong page)
    {
        ObservedPage observed = thread.PageAt(page);
        if (!observed.IsPresent || !machine.Epcm.Contains(observed.Page) || !machine.Epcm[observed.Page].Valid)
        {
            return false;
        }

        machine.Memory.Contents(observed.Page).CopyTo(_page);
        return true;
    }
}
