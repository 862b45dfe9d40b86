using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Cloister.Engine.Debugging;
using Cloister.Linux;

namespace Cloister.Cli.Debugging;

/// <summary>Serves one gdb: its remote serial protocol, all-stop, one process. gdb manual, "GDB Remote Serial Protocol".</summary>
/// <param name="machine">The machine.</param>
/// <param name="files">Which files enclaves are from.</param>
/// <param name="stream">To gdb.</param>
/// <param name="terminal">The terminal that it shares with the program; null for none.</param>
internal sealed class GdbServer(DebugMachine machine, EnclaveFiles files, Stream stream, DebugTerminal? terminal = null) : IDisposable
{
    private const string Ok = "OK", Wrong = "E01", NoThread = "E03", NoMemory = "E0e";
    private const int ExtendedLength = 16384;
    private readonly RemotePackets _packets = new(stream);
    private readonly RemoteFiles _files = new();
    private int _process, _thread;
    private string _threads = "", _libraries = "";
    private DebugStop _last;
    private bool _runs, _isAttached, _isOver;

    /// <inheritdoc/>
    public void Dispose() => _files.Dispose();

    /// <summary>Serves it until it goes, or the program ends.</summary>
    /// <param name="isAttached">Whether the program ran before it came.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task Serve(bool isAttached, CancellationToken cancellation)
    {
        _isAttached = isAttached;
        if (await machine.Next(cancellation).ConfigureAwait(false) is not { } first)
        {
            return;
        }

        Note(first with { Kind = first.Kind is DebugStopKind.Executed or DebugStopKind.Interrupt ? DebugStopKind.Step : first.Kind });
        _process = await machine.Ask(process => process.Id).ConfigureAwait(false);
        Task<RemoteMessage> message = _packets.Read(cancellation);
        Task<DebugStop?> stop = machine.Next(cancellation);
        while (!_isOver)
        {
            _ = _runs ? await Task.WhenAny(message, stop).ConfigureAwait(false) : await Task.WhenAny(message).ConfigureAwait(false);
            if (_runs && stop.IsCompleted)
            {
                if (await stop.ConfigureAwait(false) is not { } happened)
                {
                    return;
                }

                stop = machine.Next(cancellation);
                _runs = false;
                Note(happened);
                await Send(StopReply(), cancellation).ConfigureAwait(false);
                _isOver = happened.Kind is DebugStopKind.Exited or DebugStopKind.Killed;
                continue;
            }

            RemoteMessage taken = await message.ConfigureAwait(false);
            if (taken.Kind == RemoteMessageKind.Closed)
            {
                return;
            }

            if (taken.Kind == RemoteMessageKind.Interrupt)
            {
                _ = _runs && await machine.Ask(Interrupt).ConfigureAwait(false);
            }
            else
            {
                await Answer(taken.Packet, cancellation).ConfigureAwait(false);
            }

            message = _isOver ? message : _packets.Read(cancellation);
        }
    }

    private static bool Interrupt(DebuggedProcess process)
    {
        process.Interrupt();
        return true;
    }

    private void Note(in DebugStop stop)
    {
        terminal?.ToDebugger();
        _last = stop;
        _thread = stop.Thread;
        _threads = _libraries = "";
    }

    private Task Send(string packet, CancellationToken cancellation) => _packets.Write(Encoding.ASCII.GetBytes(packet), cancellation);

    private async Task Answer(byte[] packet, CancellationToken cancellation)
    {
        string text = Encoding.Latin1.GetString(packet);
        if (text.StartsWith("vFile:", StringComparison.Ordinal))
        {
            await _packets.Write(_files.Do(text["vFile:".Length..]), cancellation).ConfigureAwait(false);
            return;
        }

        if (text.StartsWith("qXfer:", StringComparison.Ordinal))
        {
            await _packets.Write(await Transfer(text["qXfer:".Length..]).ConfigureAwait(false), cancellation).ConfigureAwait(false);
            return;
        }

        string? answer = await Do(text, packet).ConfigureAwait(false);
        if (answer is not null)
        {
            await Send(answer, cancellation).ConfigureAwait(false);
        }

        if (text == "QStartNoAckMode")
        {
            _packets.Acknowledges = false;
        }
    }

    // Null where the answer comes when something happens, or there is none.
    private async Task<string?> Do(string text, byte[] packet)
    {
        switch (text)
        {
            case "?":
                return StopReply();
            case "g":
                return await AllRegisters().ConfigureAwait(false);
            case "QStartNoAckMode" or "qSymbol::" or "!":
                return text == "!" ? "" : Ok;
            case "qC":
                return $"QC{Id(_thread)}";
            case "qfThreadInfo":
                return await ThreadIds().ConfigureAwait(false);
            case "qsThreadInfo":
                return "l";
            case "vCont?":
                return "vCont;c;C;s;S;r";
            case "c" or "s":
                return await Resume(_ => new ThreadOrder(text == "s"), runsAll: true).ConfigureAwait(false);
            case "k":
                _ = await machine.Ask(Kill).ConfigureAwait(false);
                _isOver = true;
                return null;
            case "D":
                await machine.Leave().ConfigureAwait(false);
                _isOver = true;
                return Ok;
        }

        if (text.StartsWith("vKill", StringComparison.Ordinal))
        {
            _ = await machine.Ask(Kill).ConfigureAwait(false);
            _isOver = true;
            return Ok;
        }

        string rest = text.Length > 0 ? text[1..] : "";
        return text switch
        {
            ['q', 'S', 'u', 'p', ..] => $"PacketSize={RemotePackets.Longest:x};QStartNoAckMode+;QPassSignals+;QProgramSignals+;qXfer:features:read+;qXfer:auxv:read+;qXfer:exec-file:read+;"
                + "qXfer:threads:read+;qXfer:libraries-svr4:read+;swbreak+;multiprocess+;vContSupported+;exec-events+;no-resumed+",
            ['H', 'g', ..] => RemoteText.Thread(text[2..]) is { } thread ? Select(thread) : Wrong,
            ['H', ..] => Ok,
            _ when text.StartsWith("qAttached", StringComparison.Ordinal) => _isAttached ? "1" : "0",
            ['T', ..] => RemoteText.Thread(rest) is { } thread && await machine.Ask(process => process.Threads.Contains(thread)).ConfigureAwait(false) ? Ok : NoThread,
            ['G', ..] => RemoteText.Bytes(rest) is { } bytes ? await WriteRegisters(bytes).ConfigureAwait(false) : Wrong,
            ['p', ..] => RemoteText.Number(rest) is { } number && number < (ulong)TargetDescription.Registers.Count ? await OneRegister((int)number).ConfigureAwait(false) : Wrong,
            ['P', ..] => await WriteRegister(rest).ConfigureAwait(false),
            ['m', ..] => await ReadMemory(rest).ConfigureAwait(false),
            ['M', ..] => await WriteMemory(rest, binary: null).ConfigureAwait(false),
            ['X', ..] => await WriteMemory(rest, packet).ConfigureAwait(false),
            ['Z', '0', ',', ..] => await Breakpoint(text[3..], insert: true).ConfigureAwait(false),
            ['z', '0', ',', ..] => await Breakpoint(text[3..], insert: false).ConfigureAwait(false),
            ['D', ';', ..] => await Do("D", packet).ConfigureAwait(false),
            _ when text.StartsWith("vCont;", StringComparison.Ordinal) => await Continue(text["vCont;".Length..]).ConfigureAwait(false),
            _ when text.StartsWith("QPassSignals:", StringComparison.Ordinal) => await Signals(text["QPassSignals:".Length..], (process, signals) => process.PassedSignals = signals).ConfigureAwait(false),
            _ when text.StartsWith("QProgramSignals:", StringComparison.Ordinal) => await Signals(text["QProgramSignals:".Length..], (process, signals) => process.KeptSignals = signals).ConfigureAwait(false),
            _ when text.StartsWith("qRcmd,", StringComparison.Ordinal) => RemoteText.Text(text["qRcmd,".Length..]) is { } command ? await Command(command).ConfigureAwait(false) : Wrong,
            _ => "",
        };
    }

    private static bool Kill(DebuggedProcess process)
    {
        process.Kill();
        return true;
    }

    private string Select(int thread)
    {
        _thread = thread > 0 ? thread : _thread;
        return Ok;
    }

    private string StopReply() => _last.Kind switch
    {
        DebugStopKind.Exited => $"W{_last.ExitStatus & 0xff:x2};process:{_process:x}",
        DebugStopKind.Killed => $"X{RemoteSignal.Of(_last.Signal):x2};process:{_process:x}",
        DebugStopKind.NothingRuns => "N",
        DebugStopKind.Signal => $"T{RemoteSignal.Of(_last.Signal):x2}thread:{Id(_last.Thread)};",
        DebugStopKind.Interrupt => $"T{RemoteSignal.Of(Signal.SIGINT):x2}thread:{Id(_last.Thread)};",
        DebugStopKind.Breakpoint => $"T05swbreak:;thread:{Id(_last.Thread)};",
        DebugStopKind.Code => $"T05library:;thread:{Id(_last.Thread)};",
        DebugStopKind.Executed => $"T05exec:{RemoteText.Digits(Executable())};thread:{Id(_last.Thread)};",
        _ => $"T05thread:{Id(_last.Thread)};",
    };

    private string Id(int thread) => string.Create(CultureInfo.InvariantCulture, $"p{_process:x}.{thread:x}");

    private string Executable() => new FileInfo($"/proc/{_process}/exe").LinkTarget ?? "";

    private async Task<string> ThreadIds()
    {
        IReadOnlyList<int>? threads = await machine.Ask(process => process.Threads).ConfigureAwait(false);
        return threads is null ? "l" : "m" + string.Join(',', threads.Select(Id));
    }

    private Task<(UserRegisters General, byte[] Extended)?> Registers(int thread) => machine.Ask<(UserRegisters, byte[])?>(process =>
    {
        byte[] extended = new byte[ExtendedLength];
        return process.TryGetRegisters(thread, extended, out UserRegisters registers) ? (registers, extended) : null;
    });

    private async Task<string> AllRegisters() => await Registers(_thread).ConfigureAwait(false) is var (general, extended)
        ? string.Concat(TargetDescription.Registers.Select(register => TargetDescription.Read(register, general, extended))) : NoThread;

    private async Task<string> OneRegister(int number) => await Registers(_thread).ConfigureAwait(false) is var (general, extended)
        ? TargetDescription.Read(TargetDescription.Registers[number], general, extended) : NoThread;

    private async Task<string> WriteRegister(string text)
    {
        string[] parts = text.Split('=');
        if (parts.Length != 2 || RemoteText.Number(parts[0]) is not { } number || number >= (ulong)TargetDescription.Registers.Count
            || RemoteText.Bytes(parts[1]) is not { } bytes)
        {
            return Wrong;
        }

        return await Change((ref UserRegisters general, Span<byte> extended) =>
            TargetDescription.Write(TargetDescription.Registers[(int)number], bytes, ref general, extended)).ConfigureAwait(false);
    }

    private Task<string> WriteRegisters(byte[] bytes) => Change((ref UserRegisters general, Span<byte> extended) =>
    {
        int at = 0;
        foreach (RemoteRegister register in TargetDescription.Registers)
        {
            if (at + register.Bits / 8 > bytes.Length)
            {
                break;
            }

            _ = TargetDescription.Write(register, bytes.AsSpan(at, register.Bits / 8), ref general, extended);
            at += register.Bits / 8;
        }

        return true;
    });

    private delegate bool RegisterChange(ref UserRegisters general, Span<byte> extended);

    private async Task<string> Change(RegisterChange change)
    {
        int thread = _thread;
        return await machine.Ask(process =>
        {
            byte[] extended = new byte[ExtendedLength];
            if (!process.TryGetRegisters(thread, extended, out UserRegisters general))
            {
                return NoThread;
            }

            byte[] before = [.. extended];
            return change(ref general, extended) && process.SetRegisters(thread, general)
                && (extended.AsSpan().SequenceEqual(before) || process.SetExtendedState(thread, extended)) ? Ok : Wrong;
        }).ConfigureAwait(false) ?? NoThread;
    }

    private async Task<string> ReadMemory(string text)
    {
        string[] parts = text.Split(',');
        if (parts.Length != 2 || RemoteText.Number(parts[0]) is not { } address || RemoteText.Number(parts[1]) is not { } length)
        {
            return Wrong;
        }

        byte[] bytes = new byte[Math.Min(length, RemotePackets.Longest / 2 - 64)];
        int read = await machine.Ask(process => process.Read(address, bytes)).ConfigureAwait(false);
        return read == 0 && length > 0 ? NoMemory : Convert.ToHexStringLower(bytes.AsSpan(0, read));
    }

    private async Task<string> WriteMemory(string text, byte[]? binary)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string[] parts = text[..Math.Max(colon, 0)].Split(',');
        if (parts.Length != 2 || RemoteText.Number(parts[0]) is not { } address || RemoteText.Number(parts[1]) is not { } length
            || (binary is null ? RemoteText.Bytes(text[(colon + 1)..]) : binary[(colon + 2)..]) is not { } bytes || (ulong)bytes.Length != length)
        {
            return Wrong;
        }

        return bytes.Length == 0 || await machine.Ask(process => process.Write(address, bytes)).ConfigureAwait(false) ? Ok : NoMemory;
    }

    private async Task<string> Breakpoint(string text, bool insert)
    {
        if (RemoteText.Number(text.Split(',')[0]) is not { } address)
        {
            return Wrong;
        }

        return await machine.Ask(process =>
        {
            if (insert)
            {
                return process.InsertBreakpoint(address);
            }

            process.RemoveBreakpoint(address);
            return true;
        }).ConfigureAwait(false) ? Ok : NoMemory;
    }

    private async Task<string> Signals(string text, Action<DebuggedProcess, ulong> set)
    {
        ulong signals = 0;
        foreach (string one in text.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            if (RemoteText.Number(one) is { } number and < 256 && RemoteSignal.ToLinux((int)number) is not 0 and var signal)
            {
                signals |= 1UL << (signal - 1);
            }
        }

        return await machine.Ask(process =>
        {
            set(process, signals);
            return Ok;
        }).ConfigureAwait(false) ?? Wrong;
    }

    // The first action that names a thread is the thread's. gdb manual, "vCont".
    private async Task<string?> Continue(string text)
    {
        var orders = new List<(int Thread, ThreadOrder Order)>();
        foreach (string action in text.Split(';'))
        {
            string[] parts = action.Split(':');
            if (parts[0].Length == 0 || (parts.Length > 1 ? RemoteText.Thread(parts[1]) : -1) is not { } thread || OrderOf(parts[0]) is not { } order)
            {
                return Wrong;
            }

            orders.Add((thread, order));
        }

        return await Resume(thread => orders.Where(one => one.Thread is -1 || one.Thread == thread).Select(one => (ThreadOrder?)one.Order).FirstOrDefault(),
            orders.Exists(one => one.Thread == -1)).ConfigureAwait(false);
    }

    private static ThreadOrder? OrderOf(string action)
    {
        string rest = action[1..];
        switch (action[0])
        {
            case 'c' or 's':
                return new ThreadOrder(action[0] == 's');
            case 'C' or 'S' when RemoteText.Number(rest) is { } signal and < 256:
                return new ThreadOrder(action[0] == 'S') { Signal = RemoteSignal.ToLinux((int)signal) };
            case 'r' when rest.Split(',') is [var start, var end] && RemoteText.Number(start) is { } first && RemoteText.Number(end) is { } last:
                return new ThreadOrder(Steps: true) { RangeStart = first, RangeEnd = last };
            default:
                return null;
        }
    }

    private async Task<string?> Resume(Func<int, ThreadOrder?> order, bool runsAll)
    {
        _runs = true;
        terminal?.ToProgram();
        bool resumed = await machine.Ask(process =>
        {
            process.Resume(order, runsAll);
            return true;
        }).ConfigureAwait(false);

        // It was killed while it stood: that is told.
        return resumed || _runs ? null : Wrong;
    }

    private async Task<byte[]> Transfer(string text)
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
            "auxv" => await Auxiliary().ConfigureAwait(false),
            "exec-file" => Encoding.UTF8.GetBytes(Executable()),
            "threads" => Encoding.UTF8.GetBytes(_threads = offset > 0 && _threads.Length > 0 ? _threads : await Threads().ConfigureAwait(false)),
            "libraries-svr4" => Encoding.UTF8.GetBytes(_libraries = offset > 0 && _libraries.Length > 0 ? _libraries : await Libraries().ConfigureAwait(false)),
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
    private async Task<byte[]> Auxiliary()
    {
        const ulong vdsoEntry = 33;
        byte[] vector = HostFile.TryRead($"/proc/{_process}/auxv") ?? [];
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

    private async Task<string> Threads()
    {
        var xml = new StringBuilder("<?xml version=\"1.0\"?>\n<threads>\n");
        foreach ((int thread, ulong enclave, ulong tcs, ThreadPlace place) in await machine.Ask(process => process.Threads
            .Select(thread => (thread, process.EnclaveOf(thread), process.TcsOf(thread), process.PlaceOf(thread))).ToArray()).ConfigureAwait(false) ?? [])
        {
            string name = Encoding.UTF8.GetString(HostFile.TryRead($"/proc/{_process}/task/{thread}/comm") ?? []).TrimEnd('\n');
            string where = place switch
            {
                ThreadPlace.Inside or ThreadPlace.Hidden => $"inside enclave {enclave}, TCS 0x{tcs:x}",
                ThreadPlace.Exited => $"exited asynchronously, TCS 0x{tcs:x}",
                ThreadPlace.Unknown => "in the kernel",
                _ => "",
            };
            xml.Append(CultureInfo.InvariantCulture, $"<thread id=\"{Id(thread)}\" name=\"{Escaped(name)}\">{where}</thread>\n");
        }

        return xml.Append("</threads>\n").ToString();
    }

    private async Task<string> Libraries()
    {
        byte[] auxiliary = await Auxiliary().ConfigureAwait(false);
        (ulong main, List<LoadedFile>? all) = await machine.Look<(ulong, List<LoadedFile>?)>(view =>
        {
            if (view.Debugged is not { } process)
            {
                return default;
            }

            (ulong first, IReadOnlyList<LoadedFile> libraries) = LinkMaps.Read(process, auxiliary);
            List<LoadedFile> enclaves = [.. view.Processes.Where(one => one.Id == process.Id).SelectMany(one => one.Mappings)
                .Select(mapping => mapping.Enclave).OfType<Driver.IOpenEnclave>().Where(one => one.IsInitialized).Distinct()
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
            xml.Append(CultureInfo.InvariantCulture, $"<library name=\"{Escaped(file.Path)}\" lm=\"0x{entry:x}\" l_addr=\"0x{file.Bias:x}\" l_ld=\"0x{file.Dynamic:x}\" lmid=\"0x0\"/>\n");
        }

        return xml.Append("</library-list-svr4>\n").ToString();
    }

    private static string Escaped(string text) => System.Security.SecurityElement.Escape(new string([.. text.Select(c => char.IsControl(c) ? '?' : c)]));

    private async Task<string> Command(string command)
    {
        string answer = await machine.Look(view => MonitorCommands.Do(view, files, command)).ConfigureAwait(false) ?? "the program has ended\n";
        return RemoteText.Digits(answer);
    }
}
