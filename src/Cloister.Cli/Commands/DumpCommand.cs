using System.CommandLine;
using System.Text.Json;
using Cloister.Cli.Looking;
using Cloister.Images;

namespace Cloister.Cli.Commands;

/// <summary>cloister dump PID: the memory of a run's enclaves, as it is now.</summary>
internal static class DumpCommand
{
    private const ulong All = 0;

    public static Command Create()
    {
        Argument<int> process = LookOptions.Process();
        var number = new Option<ulong>("--enclave") { HelpName = "N", Description = "One enclave only, by its number. Default: all." };
        var into = new Option<FileInfo>("--output", "-o")
        {
            HelpName = "DIR",
            Description = "The directory for the files, which is made where it is not there. Default: this one.",
            DefaultValueFactory = _ => new FileInfo("."),
        };
        var command = new Command("dump",
            "Write the memory of a run's enclaves as it is now: enclave-N.core, an ELF core file, and enclave-N.sig, the SIGSTRUCT. Threads inside take an asynchronous exit. For an enclave as it was measured: `run --dump`.") { process, number, into };
        command.SetAction(parsed => LookOptions.Guard(() =>
        {
            try
            {
                return Dump(parsed.GetValue(process), parsed.GetValue(number), parsed.GetValue(into)!.ToString());
            }
            catch (ImageException unwritable)
            {
                return Failure.Report($"dump: {unwritable.Message}", Failure.InputOutput);
            }
        }));
        return command;
    }

    private static int Dump(int process, ulong only, string folder)
    {
        using JsonDocument answer = LookClient.Ask(process, new LookRequest(LookVerb.Ps));
        MachineLook machine = answer.Deserialize(LookJson.Default.MachineLook)!;
        IReadOnlyList<EnclaveLook> enclaves = [.. machine.Enclaves.Where(one => only == All || one.Enclave == only)];
        if (enclaves.Count == 0)
        {
            return Failure.Report(only == All ? $"dump: run {machine.Pid} has no enclave"
                : $"dump: run {machine.Pid} has no enclave {only}", Failing.Failed);
        }

        OutputFile.Writing(folder, () => Directory.CreateDirectory(folder));
        foreach (EnclaveLook enclave in enclaves)
        {
            string path = Path.Combine(folder, $"enclave-{enclave.Enclave}.core");
            using var core = WholeFile.Begin(path, WholeFile.Private);
            DumpLook? look = null;
            OutputFile.Writing(path, () => look = LookClient.Dump(machine.Pid, enclave.Enclave, core.Stream));
            if (look!.Sigstruct.Length > 0)
            {
                string signature = Path.ChangeExtension(path, ".sig");
                using var sigstruct = WholeFile.Begin(signature, WholeFile.Public);
                OutputFile.Writing(signature, () => sigstruct.Stream.Write(Convert.FromHexString(look.Sigstruct)));
                sigstruct.Keep(replaces: true);
            }

            core.Keep(replaces: true);
            Console.WriteLine(
                $"{path}: {look.Pages} pages of enclave {enclave.Enclave}{(look.Unreadable > 0 ? $", and {look.Unreadable} that cannot be read" : "")}");
        }

        return 0;
    }
}
