using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine;
using Cloister.Engine.Debugging;
using Cloister.Processor;

namespace Cloister.Cli.Debugging;

/// <summary>What gdb's <c>monitor</c> asks: what no register and no memory tells.</summary>
internal static class MonitorCommands
{
    private const int MostFrames = 64;
    private const string Help = "enclaves          the enclaves of the process, and which files they are from\n"
        + "epcm ADDRESS      the EPCM entry of the page at an address\n"
        + "tcs [ADDRESS]     the thread control structure at an address, or of each thread that is inside\n"
        + "ssa [ADDRESS]     the frames of its state save area that are in use\n";

    /// <summary>Does one.</summary>
    /// <returns>What it says, in lines.</returns>
    public static string Do(MachineView view, EnclaveFiles files, string command)
    {
        string[] words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (view.Debugged is not { } process)
        {
            return "the program has ended\n";
        }

        ulong address = 0;
        return words switch
        {
            ["enclaves" or "enclave"] => Enclaves(view, files, process),
            ["epcm", var text] when TryParse(text, out address) => Epcm(view, process, address),
            ["tcs"] or ["ssa"] =>
                string.Concat(process.Threads.Select(process.TcsOf).Where(tcs => tcs != 0).Distinct()
                    .Select(tcs => Tcs(view, process, tcs, words[0] == "ssa"))) is { Length: > 0 } all
                ? all : "no thread is inside\n",
            ["tcs", var text] when TryParse(text, out address) => Tcs(view, process, address, frames: false),
            ["ssa", var text] when TryParse(text, out address) => Tcs(view, process, address, frames: true),
            ["epcm" or "tcs" or "ssa", ..] => $"{command}: an address is needed, as 0x7f0000001000\n",
            ["help"] or [] => Help,
            _ => $"monitor {command}: there is no such command\n{Help}",
        };
    }

    private static bool TryParse(string text, out ulong address) => text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
        ? ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out address)
        : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out address);

    /// <summary>The enclaves of a process, from ECREATE on.</summary>
    public static IEnumerable<IOpenEnclave> EnclavesOf(MachineView view, DebuggedProcess process) =>
        view.Processes.Where(one => one.Id == process.Id)
        .SelectMany(one => one.Mappings).Select(mapping => mapping.Enclave).OfType<IOpenEnclave>().Where(one => one.IsCreated).Distinct();

    private static IOpenEnclave? At(MachineView view, DebuggedProcess process, ulong address) =>
        EnclavesOf(view, process).FirstOrDefault(one => address - one.Base.Value < one.Size);

    private static string Enclaves(MachineView view, EnclaveFiles files, DebuggedProcess process)
    {
        var text = new StringBuilder();
        foreach (IOpenEnclave enclave in EnclavesOf(view, process).OrderBy(one => one.Eid))
        {
            string state = enclave.IsInitialized ? "" : ", not initialized";
            text.Append(CultureInfo.InvariantCulture,
                $"enclave {enclave.Eid}: 0x{enclave.Base.Value:x} to 0x{enclave.Base.Value + enclave.Size:x}, {(enclave.IsDebug ? "DEBUG" : "production: not to be looked into")}{state}, {enclave.PageCount} pages, {enclave.ResidentPageCount} in the EPC\n");
            IReadOnlyList<LoadedFile> known = enclave.IsInitialized ? files.Find(view, enclave, process) : [];
            foreach (LoadedFile file in known)
            {
                text.Append(CultureInfo.InvariantCulture, $"  {file.Path} at 0x{file.Bias:x}\n");
            }

            text.Append(known.Count == 0 ? "  no file is known that has its code\n" : "");
            foreach (int thread in process.Threads.Where(
                thread => process.TcsOf(thread) is not 0 and var tcs && tcs - enclave.Base.Value < enclave.Size))
            {
                text.Append(CultureInfo.InvariantCulture,
                    $"  thread {thread} {(process.PlaceOf(thread) == ThreadPlace.Exited ? "exited asynchronously from" : "inside by")} TCS 0x{process.TcsOf(thread):x}\n");
            }
        }

        return text.Length == 0 ? "the process has no enclave\n" : text.ToString();
    }

    private static string Epcm(MachineView view, DebuggedProcess process, ulong address)
    {
        if (At(view, process, address) is not { } enclave)
        {
            return $"0x{address:x} is in no enclave\n";
        }

        LinearAddress page = new LinearAddress(address).PageBase;
        EnclavePages found = view.Driver.PagesOf(enclave, page, page).FirstOrDefault();
        if (found.Count == 0)
        {
            return $"0x{page.Value:x}: enclave {enclave.Eid} has no page there\n";
        }

        if (!found.IsResident)
        {
            return $"0x{page.Value:x}: a page of enclave {enclave.Eid}, written out\n";
        }

        string states = string.Concat(MachineNames.StatesOf(found).Select(state => " " + state));
        return $"0x{page.Value:x}: enclave {enclave.Eid}, {MachineNames.Of(found.Type)}, {MachineNames.Permissions((int)(found.Secinfo & SecinfoFlags.PermissionMask))}{states}, EPC page {view.Driver.EpcPageAt(enclave, page).Index}\n";
    }

    private static string Tcs(MachineView view, DebuggedProcess process, ulong address, bool frames)
    {
        if (At(view, process, address) is not { } enclave || !process.TryReadTcs(address, out Tcs tcs)
            || view.Driver.EpcPageAt(enclave, new LinearAddress(address)) is not { IsNone: false } page
            || view.Machine.Epcm[page].PageType != PageType.Tcs)
        {
            return $"0x{address:x} is no TCS that may be looked at\n";
        }

        string owner = process.Threads.FirstOrDefault(thread => process.TcsOf(thread) == address) is not 0 and var thread
            ? $", thread {thread}" : "";
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture,
            $"TCS 0x{address:x}{owner}: OENTRY 0x{tcs.Oentry:x}, AEP 0x{tcs.Aep:x}, OSSA 0x{tcs.Ossa:x}, CSSA {tcs.Cssa} of {tcs.Nssa}, flags {tcs.Flags}\n");
        if (!frames || !view.Driver.TryReadSecs(enclave, out Secs secs))
        {
            return text.ToString();
        }

        byte[] registers = new byte[Gprsgx.SizeInBytes];
        uint last = Math.Min(tcs.Cssa, tcs.Nssa);
        for (uint frame = last; frame-- > 0 && last - frame <= MostFrames;)
        {
            ulong at = StateSaveArea.FrameGprsgx(in secs, in tcs, frame).Value;
            if (process.Read(at, registers) == registers.Length)
            {
                ref readonly Gprsgx saved = ref MemoryMarshal.AsRef<Gprsgx>(registers);
                text.Append(CultureInfo.InvariantCulture,
                    $"  frame {frame}: rip 0x{saved.Rip:x}, rsp 0x{saved.Rsp:x}, rbp 0x{saved.Rbp:x}, rax 0x{saved.Rax:x}, host's rsp 0x{saved.Ursp:x}, {(saved.Exitinfo.Valid ? $"exception {saved.Exitinfo.Vector}" : "interrupt or fault that is not told")}\n");
            }
        }

        return text.ToString();
    }
}
