using System.CommandLine;
using Cloister.Attestation;
using Cloister.Attestation.Platforms;
using Cloister.Cli.Platforms;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister platform</c>: named machines that stay.</summary>
internal static class PlatformCommand
{
    public static Command Create() => new("platform", """
        Named machines that stay: what `run --platform NAME` gives a program.
        A platform is its root key, from which come all keys, and what may change while that stays: owner epoch, CPUSVN, PCESVN.

        Examples:
          cloister platform create server
          cloister run --platform server -- ./app
          cloister platform export server server.json
          cloister platform update server --cpusvn 02020000000000000000000000000000 --pending
          cloister platform create mine --pce libsgx_pce.signed.so --qe libsgx_qe3.signed.so
        """)
    {
        New(), List(), Show(), Copy(), Export(), Import(), Delete(), Update(), NewOwner(),
    };

    private static Argument<string> Name(string called = "NAME", string description = "The platform's name.") =>
        new(called) { Description = description };

    private static Option<string?> Cpusvn() => new("--cpusvn")
    {
        HelpName = "HEX",
        Description = "CPUSVN, 32 hexadecimal digits: a version in each byte.",
    };

    private static Option<ushort?> Pcesvn() => new("--pcesvn")
    {
        HelpName = "NUMBER",
        Description = "ISVSVN of the provisioning certification enclave.",
    };

    private static Command New()
    {
        Argument<string> name = Name();
        var seed = new Option<string?>("--seed")
        {
            HelpName = "TEXT",
            Description = "Makes the root key, as `run --seed TEXT` does. Default: a random one.",
        };
        var authority = new Option<string?>("--ca")
        {
            HelpName = "platform|processor",
            Description = "Which authority certifies it. Default: platform.",
        };
        Option<string?> cpusvn = Cpusvn();
        Option<ushort?> pcesvn = Pcesvn();
        var fmspc = new Option<string?>("--fmspc")
        {
            HelpName = "HEX",
            Description = "FMSPC, 12 hexadecimal digits: family, model, stepping, platform and SKU.",
        };
        authority.CompletionSources.Add("platform", "processor");
        var enclaves = new CertifiedEnclaveOptions();
        var command = new Command("create", "Make a platform.") { name, seed, authority, cpusvn, pcesvn, fmspc };
        enclaves.AddTo(command);
        command.SetAction(parsed => Guard("create", () =>
        {
            var settings = new PlatformSettings();
            settings = settings with
            {
                Cpusvn = Hex("--cpusvn", parsed.GetValue(cpusvn), 16) ?? settings.Cpusvn,
                Fmspc = Hex("--fmspc", parsed.GetValue(fmspc), 6)?.ToUpperInvariant() ?? settings.Fmspc,
                Authority = parsed.GetValue(authority) is { } text ? PlatformText.ParseAuthority(text)
                    ?? throw new PlatformProblem($"--ca {text}: there is platform and processor", Failure.Usage) : settings.Authority,
            };
            settings = enclaves.Read(parsed, parsed.GetValue(pcesvn))(settings with
            {
                Pcesvn = parsed.GetValue(pcesvn) ?? settings.Pcesvn,
            });
            ReadOnlyMemory<byte> key = RootKey.From(parsed.GetValue(seed));
            PlatformStore.Open().Create(parsed.GetValue(name)!, new Platform(key.IsEmpty ? PlatformStore.NewKey() : key, settings));
            return 0;
        }));
        return command;
    }

    private static Command List()
    {
        var json = new Option<bool>("--json") { Description = "Print JSON." };
        var command = new Command("list", "List the platforms.") { json, new OutputOption() };
        command.SetAction(parsed => Guard("list", () =>
        {
            PlatformStore store = PlatformStore.Open();
            if (parsed.GetValue(json))
            {
                PlatformOutput.PrintJson(store);
            }
            else
            {
                foreach (string name in store.Names)
                {
                    Console.WriteLine(PlatformOutput.Line(store, name));
                }
            }

            return 0;
        }));
        return command;
    }

    private static Command Show()
    {
        Argument<string> name = Name();
        var json = new Option<bool>("--json") { Description = "Print JSON." };
        var command = new Command("show", "Show what a platform is; its root key is not among it.") { name, json, new OutputOption() };
        command.SetAction(parsed => Guard("show", () =>
        {
            PlatformStore store = PlatformStore.Open();
            string which = parsed.GetValue(name)!;
            Platform platform = store.Read(Made(store, which));
            if (parsed.GetValue(json))
            {
                JsonOutput.Print(writer => PlatformOutput.Members(writer, which, platform));
            }
            else
            {
                PlatformOutput.Print(which, platform);
            }

            return 0;
        }));
        return command;
    }

    private static Command Copy()
    {
        Argument<string> from = Name("FROM", "The platform that is there."), to = Name("TO", "The name of the new one.");
        var command = new Command("copy", "Make a platform that is the same machine: it opens what the other one sealed.") { from, to };
        command.SetAction(parsed => Guard("copy", () =>
        {
            PlatformStore store = PlatformStore.Open();
            store.Create(parsed.GetValue(to)!, store.Read(Made(store, parsed.GetValue(from)!)));
            return 0;
        }));
        return command;
    }

    private static Command Export()
    {
        Argument<string> name = Name();
        var file = new Argument<FileInfo>("FILE") { Description = "The file to write, which must not be there." };
        var command = new Command("export", "Write a platform with its root key to a file that only you can read.") { name, file };
        command.SetAction(parsed => Guard("export", () =>
        {
            PlatformStore store = PlatformStore.Open();
            FileInfo to = parsed.GetValue(file)!;
            byte[] text = PlatformText.Write(store.Read(Made(store, parsed.GetValue(name)!)));
            try
            {
                return PrivateFile.TryCreate(to.FullName, text) ? 0
                    : throw new PlatformProblem($"{to}: there is such a file already", Failure.Usage);
            }
            catch (Exception e) when (FileProblem.IsOne(e))
            {
                throw new PlatformProblem($"{to}: {FileProblem.Of(to.FullName, e)}", Failure.InputOutput);
            }
        }));
        return command;
    }

    private static Command Import()
    {
        var file = new Argument<FileInfo>("FILE") { Description = "A file that `export` wrote." };
        Argument<string> name = Name(description: "The name that the platform gets here.");
        var command = new Command("import", "Make a platform of a file.") { file, name };
        command.SetAction(parsed => Guard("import", () => Failing.Guard(parsed.GetValue(file)!.ToString(), () =>
        {
            PlatformStore.Open().Create(parsed.GetValue(name)!, PlatformText.ReadPlatform(InputFile.Bytes(parsed.GetValue(file)!)));
            return 0;
        })));
        return command;
    }

    private static Command Delete()
    {
        Argument<string> name = Name();
        var command = new Command("delete",
            "Delete a platform: what it sealed opens nowhere any more, but where it was exported to or copied.") { name };
        command.SetAction(parsed => Guard("delete", () =>
        {
            PlatformStore.Open().Delete(parsed.GetValue(name)!);
            return 0;
        }));
        return command;
    }

    private static Command Update()
    {
        Argument<string> name = Name();
        Option<string?> cpusvn = Cpusvn();
        Option<ushort?> pcesvn = Pcesvn();
        var pending = new Option<bool>("--pending")
        {
            Description = "The microcode is loaded, and its CPUSVN comes with EUPDATESVN or at the next power cycle. Until then the platform is out of date.",
        };
        var cycle = new Option<bool>("--power-cycle")
        {
            Description = "The power goes off and comes back: a pending CPUSVN is the platform's.",
        };
        var enclaves = new CertifiedEnclaveOptions();
        var command = new Command("update", """
            Load microcode, or another PCE: the platform's CPUSVN and PCESVN change, up or down.
            Certificates and TCB information follow: the newest version that the platform has known is up to date.
            With --pce and --qe they are for a PCE and a QE of another signer, such as Intel's that were built from source: PCK, PPID, QE identity.
            """)
        { name, cpusvn, pcesvn, pending, cycle };
        enclaves.AddTo(command);
        command.SetAction(parsed => Guard("update", () =>
        {
            string? svn = Hex("--cpusvn", parsed.GetValue(cpusvn), 16);
            if (svn is null
                && (parsed.GetValue(pending) || (parsed.GetValue(pcesvn) is null && !parsed.GetValue(cycle) && !enclaves.AreGiven(parsed))))
            {
                throw new PlatformProblem(
                    "what is to change? --cpusvn HEX, --pcesvn NUMBER, --pce FILE, --qe FILE or --power-cycle says it", Failure.Usage);
            }

            Func<PlatformSettings, PlatformSettings> certifying = enclaves.Read(parsed, parsed.GetValue(pcesvn));
            PlatformStore store = PlatformStore.Open();
            _ = store.Change(Made(store, parsed.GetValue(name)!), settings =>
            {
                settings = certifying(settings);
                ushort pce = CertifiedEnclaveOptions.Pcesvn(settings, parsed.GetValue(pcesvn) ?? settings.Pcesvn);
                settings = parsed.GetValue(pending) ? settings.At(settings.Cpusvn, pce) with { PendingCpusvn = svn! }
                    : settings.At(svn ?? settings.Cpusvn, pce);
                return parsed.GetValue(cycle) && settings.PendingCpusvn.Length > 0 ? settings.At(settings.PendingCpusvn, pce) : settings;
            });
            return 0;
        }));
        return command;
    }

    private static Command NewOwner()
    {
        Argument<string> name = Name();
        var command = new Command("new-owner",
            "Give a platform another owner epoch: its seal keys change, and what it sealed opens no more; its certificate stays.") { name };
        command.SetAction(parsed => Guard("new-owner", () =>
        {
            PlatformStore store = PlatformStore.Open();
            store.NewOwner(Made(store, parsed.GetValue(name)!));
            return 0;
        }));
        return command;
    }

    // The user's own platform is made at the first need; to name it is one.
    private static string Made(PlatformStore store, string name)
    {
        if (name == PlatformKey.Default && !store.Contains(name))
        {
            _ = PlatformKey.Take(line => throw new PlatformProblem(line, Failure.InputOutput));
        }

        return name;
    }

    private static string? Hex(string option, string? text, int length) => text is null ? null
        : HexText.IsBytes(text, length) ? text.ToLowerInvariant()
        : throw new PlatformProblem($"{option} {text}: write {2 * length} hexadecimal digits", Failure.Usage);

    private static int Guard(string command, Func<int> action)
    {
        try
        {
            return action();
        }
        catch (PlatformProblem problem)
        {
            return Failure.Report($"platform {command}: {problem.Message}", problem.Status);
        }
    }
}
