using System.CommandLine;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Cloister.Engine;
using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister run</c>: runs a program on the machine.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var epc = new Option<string>("--epc") { Description = "Size of the EPC: bytes, or with K, M or G.", DefaultValueFactory = _ => "128M", HelpName = "SIZE" };
        var noSgx2 = new Option<bool>("--no-sgx2") { Description = "A processor without SGX2." };
        var isolation = new Option<IsolationMode>("--isolation") { Description = "What the host sees of enclave memory: 'strict' as hardware, 'fast' the memory itself." };
        var engine = new Option<EngineMode>("--engine") { Description = "'trap' stops at every ENCLU, 'fast' enters and leaves enclaves in the program itself.", DefaultValueFactory = _ => EngineMode.Fast };
        var seed = new Option<string?>("--seed") { Description = "Text that makes this machine's keys: the same text, the same machine.", HelpName = "TEXT" };
        var stats = new Option<bool>("--stats") { Description = "Print what the machine did, to standard error, when the program ends." };
        var program = new Argument<string[]>("PROGRAM") { Description = "The program and its arguments, after '--'.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("run", "Run a program on the machine.") { epc, noSgx2, isolation, engine, seed, stats, program };
        command.SetAction(result =>
        {
            if (!SizeText.TryParse(result.GetValue(epc)!, out long bytes))
            {
                return Failure.Report($"--epc {result.GetValue(epc)}: not a size; use bytes or K, M, G, as in 128M", Failure.Usage);
            }

            var options = new EngineOptions
            {
                EpcPages = checked((int)(bytes / 4096)),
                Mode = result.GetValue(engine),
                Isolation = result.GetValue(isolation),
                Machine = new MachineOptions
                {
                    Sgx2 = !result.GetValue(noSgx2),
                    RootKey = RootKey.From(result.GetValue(seed)),
                },
            };
            return Run(options, result.GetValue(program)!, result.GetValue(stats));
        });
        return command;
    }

    private static int Run(EngineOptions options, string[] program, bool stats)
    {
        using var tracer = new Tracer(options);
        using IDisposable signals = HostKernel.LeaveTerminalSignalsToProgram(signal =>
        {
            // The terminal sends SIGINT and SIGQUIT to the whole group, the program included; others are passed on.
            if (signal is PosixSignal.SIGTERM or PosixSignal.SIGHUP)
            {
                tracer.Signal(signal == PosixSignal.SIGTERM ? Signal.SIGTERM : Signal.SIGHUP);
            }
        });
        ProgramEnd end = tracer.Run(program);
        if (stats)
        {
            Statistics.Print(tracer, Console.Error);
        }

        return end.Signal is { } number ? 128 + number : end.ExitStatus ?? Failure.Internal;
    }
}

/// <summary>The machine's root key.</summary>
internal static class RootKey
{
    public static ReadOnlyMemory<byte> From(string? seed) =>
        seed is null ? RandomNumberGenerator.GetBytes(32) : SHA256.HashData(Encoding.UTF8.GetBytes("Cloister machine: " + seed));
}
