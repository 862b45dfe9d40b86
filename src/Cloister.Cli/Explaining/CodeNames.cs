using System.Globalization;
using Cloister.Architecture;
using Cloister.Engine.Observers;
using Cloister.Images.Symbols;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Cli.Explaining;

/// <summary>What code is called, of the host by its mapped files, of enclaves by the files that have the same code.</summary>
internal sealed class CodeNames(SgxMachine machine) : IDisposable
{
    private const int MostFrames = 4;

    /// <summary>The files that name it.</summary>
    public CodeFiles Files { get; } = new();

    /// <summary>Where a thread of the host stands: the function that called into the C library, where that can be seen.</summary>
    public string? Host(IObservedThread thread)
    {
        if (thread.Rip == 0)
        {
            return null;
        }

        List<MapsLine> maps = MapsLine.CodeOf(thread.ProcessId);
        string? own = Name(maps, thread.Rip, out string? file);
        (ulong rip, ulong rsp, ulong rbp) = (thread.Rip, thread.Rsp, thread.Rbp);
        for (int depth = 0; depth < MostFrames && IsWrapper(file); depth++)
        {
            if (!Unwind(thread, maps, ref rip, ref rsp, ref rbp))
            {
                return own;
            }

            // The return address stands behind the call.
            own = Name(maps, rip - 1, out file) ?? own;
        }

        return own;
    }

    /// <summary>Where a thread was inside.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="rip">The address of the instruction.</param>
    public string Inside(IObservedThread thread, ulong rip)
    {
        ulong offset = rip - thread.Processor.EnclaveBase.Value;
        string place = $"offset 0x{offset:x} of enclave {thread.Processor.Eid}";
        ObservedPage page = thread.PageAt(rip);
        int inPage = (int)(rip & 0xfff);
        if (!page.IsPresent || !machine.Epcm.Contains(page.Page) || !machine.Epcm[page.Page].Valid)
        {
            return place;
        }

        // Beginning before the instruction where the page does: what is compared is as long as can be had.
        int from = Math.Min(inPage, LinearAddress.PageSize - CodeFiles.CompareLength);
        ReadOnlySpan<byte> code = machine.Memory[page.Page].Slice(from, CodeFiles.CompareLength);
        return Files.NameOf(code, from, inPage, MapsLine.FilesOf(thread.ProcessId)) is { } name ? $"{name}, {place}" : place;
    }

    public void Dispose() => Files.Dispose();

    // What only passes a call on: the C library, and what is in no file, as the vDSO.
    private static bool IsWrapper(string? file) => file is null || !File.Exists(file) || Path.GetFileName(file) is var name
        && (name.StartsWith("libc.", StringComparison.Ordinal) || name.StartsWith("libc-", StringComparison.Ordinal)
            || name.StartsWith("ld-", StringComparison.Ordinal));

    // By the file's own tables; what is in no file is the vDSO, whose function has a frame pointer (arch/x86/entry/vdso/vsgx.S).
    private bool Unwind(IObservedThread thread, List<MapsLine> maps, ref ulong rip, ref ulong rsp, ref ulong rbp)
    {
        ulong at = rip;
        MapsLine? map = maps.Find(known => known.Contains(at));
        CodeSymbols? symbols = map is null ? null : Files.Symbols(map.Path);
        FrameRule? rule = symbols is null ? Unwinding.FramePointer : symbols.AddressOf(at - map!.Start + map.Offset) is { } own
            ? symbols.FrameAt(own) : null;
        if (rule is not { } known || !Unwinding.TryCaller(known, address => Word(thread, address), ref rip, ref rsp, ref rbp))
        {
            return false;
        }

        ulong target = rip;
        return maps.Exists(known => known.Contains(target));
    }

    private static ulong? Word(IObservedThread thread, ulong address)
    {
        Span<byte> word = stackalloc byte[sizeof(ulong)];
        return thread.TryRead(address, word) ? BitConverter.ToUInt64(word) : null;
    }

    private string? Name(List<MapsLine> maps, ulong address, out string? file)
    {
        file = null;
        foreach (MapsLine map in maps)
        {
            if (map.Contains(address))
            {
                file = map.Path;
                string name = Path.GetFileName(map.Path);
                CodeSymbols? symbols = Files.Symbols(map.Path);
                return symbols?.AddressOf(address - map.Start + map.Offset) is { } own && symbols.Find(own) is { } found
                    ? $"{CodeFiles.Text(found)} in {name}"
                    : string.Create(CultureInfo.InvariantCulture, $"{name}+0x{address - map.Start + map.Offset:x}");
            }
        }

        return null;
    }
}
