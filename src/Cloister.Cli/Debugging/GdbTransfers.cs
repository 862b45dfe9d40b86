using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Cloister.Engine.Debugging;
using Cloister.Linux;

namespace Cloister.Cli.Debugging;

/// <summary>
/// What gdb reads as a file, in parts: threads, libraries and enclaves, registers, the auxiliary vector. gdb manual, "General Query
/// Packets", qXfer.
/// </summary>
/// <param name="machine">The machine.</param>
/// <param name="files">Which files enclaves are from.</param>
internal sealed class GdbTransfers(DebugMachine machine, EnclaveFiles files)
{
    private string _threads = "", _libraries = "";

    /// <summary>The file that a process executes; empty where it is not to be known.</summary>
    public static string Executable(int process) => new FileInfo($"/proc/{process}/exe").LinkTarget ?? "";

    /// <summary>Something ran: what was read in part before is another by now.</summary>
    public void Forget() => _threads = _libraries = "";

    /// <summary>Answers a qXfer packet.</summary>
    /// <param name="text">The packet without its name.</param>
    /// <param name="process">The process's id.</param>
    public async Task<byte[]> Do(string text, int process)
    {
        string[] parts = text.Split(':');
        if (parts is not [var subject, "read", var annex, var range] || range.Split(',') is not [var from, var count]
            || RemoteText.Number(from) is not { } offset || RemoteText.Number(count) is not { } length)
        {
            return [];
        }

        byte[]? whole = subject switch
        {
            "features" when annex == "target.xml" => Encoding.ASCII.GetBytes(TargetDescription.Xml),
            "auxv" => await Auxiliary(process).ConfigureAwait(false),
            "exec-file" => Encoding.UTF8.GetBytes(Executable(process)),
            "threads" =>
                Encoding.UTF8.GetBytes(_threads = offset > 0 && _threads.Length > 0 ? _threads
                    : await Threads(process).ConfigureAwait(false)),
            "libraries-svr4" =>
                Encoding.UTF8.GetBytes(_libraries = offset > 0 && _libraries.Length > 0 ? _libraries
                    : await Libraries(process).ConfigureAwait(false)),
            _ => null,
        };
        if (whole is null)
        {
            return "E00"u8.ToArray();
        }

        if (offset >= (ulong)whole.Length)
        {
            return "l"u8.ToArray();
        }

        ReadOnlySpan<byte> rest = whole.AsSpan((int)offset);
        bool isLast = length >= (ulong)rest.Length;
        return [(byte)(isLast ? 'l' : 'm'), .. isLast ? rest : rest[..(int)length]];
    }

    // The kernel's copy of the vector has the vDSO that the kernel made.
    private async Task<byte[]> Auxiliary(int id)
    {
        const ulong vdsoEntry = 33;
        byte[] vector = HostFile.TryRead($"/proc/{id}/auxv") ?? [];
        if (await machine.Ask(process => process.Vdso).ConfigureAwait(false) is not 0 and var vdso)
        {
            for (int at = 0; at + 16 <= vector.Length; at += 16)
            {
                if (BinaryPrimitives.ReadUInt64LittleEndian(vector.AsSpan(at)) == vdsoEntry)
                {
                    BinaryPrimitives.WriteUInt64LittleEndian(vector.AsSpan(at + 8), vdso);
                }
            }
        }

        return vector;
    }

    private async Task<string> Threads(int id)
    {
        var xml = new StringBuilder("<?xml version=\"1.0\"?>\n<threads>\n");
        foreach ((int thread, ulong enclave, ulong tcs, ThreadPlace place) in await machine.Ask(process => process.Threads
            .Select(thread => (thread, process.EnclaveOf(thread), process.TcsOf(thread), process.PlaceOf(thread))).ToArray())
            .ConfigureAwait(false) ?? [])
        {
            string name = Encoding.UTF8.GetString(HostFile.TryRead($"/proc/{id}/task/{thread}/comm") ?? []).TrimEnd('\n');
            string where = place switch
            {
                ThreadPlace.Inside or ThreadPlace.Hidden => $"inside enclave {enclave}, TCS 0x{tcs:x}",
                ThreadPlace.Exited => $"exited asynchronously, TCS 0x{tcs:x}",
                ThreadPlace.Unknown => "in the kernel",
                _ => "",
            };
            xml.Append(CultureInfo.InvariantCulture,
                $"<thread id=\"{RemoteText.ThreadId(id, thread)}\" name=\"{Escaped(name)}\">{where}</thread>\n");
        }

        return xml.Append("</threads>\n").ToString();
    }

    private async Task<string> Libraries(int id)
    {
        byte[] auxiliary = await Auxiliary(id).ConfigureAwait(false);
        (ulong main, List<LoadedFile>? all) = await machine.Look<(ulong, List<LoadedFile>?)>(view =>
        {
            if (view.Debugged is not { } process)
            {
                return default;
            }

            (ulong first, IReadOnlyList<LoadedFile> libraries) = LinkMaps.Read(process, auxiliary);
            List<LoadedFile> enclaves = [.. MonitorCommands.EnclavesOf(view, process).Where(one => one.IsInitialized)
                .SelectMany(one => files.Find(view, one, process))];
            process.KnowCode(enclaves.SelectMany(file => file.Code));
            return (first, [.. libraries, .. enclaves]);
        }).ConfigureAwait(false);
        var xml = new StringBuilder("<?xml version=\"1.0\"?>\n<library-list-svr4 version=\"1.0\"");
        if (main != 0)
        {
            xml.Append(CultureInfo.InvariantCulture, $" main-lm=\"0x{main:x}\"");
        }

        xml.Append(">\n");
        ulong invented = 1;
        foreach (LoadedFile file in all ?? [])
        {
            // An enclave has no entry of the dynamic linker's; gdb tells entries by their addresses.
            ulong entry = file.LinkMap != 0 ? file.LinkMap : invented++;
            xml.Append(CultureInfo.InvariantCulture,
                $"<library name=\"{Escaped(file.Path)}\" lm=\"0x{entry:x}\" l_addr=\"0x{file.Bias:x}\" l_ld=\"0x{file.Dynamic:x}\" lmid=\"0x0\"/>\n");
        }

        return xml.Append("</library-list-svr4>\n").ToString();
    }

    private static string Escaped(string text) =>
        System.Security.SecurityElement.Escape(new string([.. text.Select(c => char.IsControl(c) ? '?' : c)]));
}
