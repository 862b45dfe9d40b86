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
    private readonly GdbTransfers _transfers = new(machine, files);
    private int _process, _thread;
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
        _transfers.Forget();
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
            await _packets.Write(await _transfers.Do(text["qXfer:".Length..], _process).ConfigureAwait(false), cancellation)
                .ConfigureAwait(false);
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
            ['q', 'S', 'u', 'p', ..] =>
                $"PacketSize={RemotePackets.Longest:x};QStartNoAckMode+;QPassSignals+;QProgramSignals+;qXfer:features:read+;qXfer:auxv:read+;qXfer:exec-file:read+;"
                + "qXfer:threads:read+;qXfer:libraries-svr4:read+;swbreak+;multiprocess+;vContSupported+;exec-events+;no-resumed+",
            ['H', 'g', ..] => RemoteText.Thread(text[2..]) is { } thread ? Select(thread) : Wrong,
            ['H', ..] => Ok,
            _ when text.StartsWith("qAttached", StringComparison.Ordinal) => _isAttached ? "1" : "0",
            ['T', ..] =>
                RemoteText.Thread(rest) is { } thread && await machine.Ask(process => process.Threads.Contains(thread))
                    .ConfigureAwait(false) ? Ok : NoThread,
            ['G', ..] => RemoteText.Bytes(rest) is { } bytes ? await WriteRegisters(bytes).ConfigureAwait(false) : Wrong,
            ['p', ..] => RemoteText.Number(rest) is { } number && number < (ulong)TargetDescription.Registers.Count
                ? await OneRegister((int)number).ConfigureAwait(false) : Wrong,
            ['P', ..] => await WriteRegister(rest).ConfigureAwait(false),
            ['m', ..] => await ReadMemory(rest).ConfigureAwait(false),
            ['M', ..] => await WriteMemory(rest, binary: null).ConfigureAwait(false),
            ['X', ..] => await WriteMemory(rest, packet).ConfigureAwait(false),
            ['Z', '0', ',', ..] => await Breakpoint(text[3..], insert: true).ConfigureAwait(false),
            ['z', '0', ',', ..] => await Breakpoint(text[3..], insert: false).ConfigureAwait(false),
            ['D', ';', ..] => await Do("D", packet).ConfigureAwait(false),
            _ when text.StartsWith("vCont;", StringComparison.Ordinal) => await Continue(text["vCont;".Length..]).ConfigureAwait(false),
            _ when text.StartsWith("QPassSignals:", StringComparison.Ordinal) =>
                await Signals(text["QPassSignals:".Length..], (process, signals) => process.PassedSignals = signals).ConfigureAwait(false),
            _ when text.StartsWith("QProgramSignals:", StringComparison.Ordinal) =>
                await Signals(text["QProgramSignals:".Length..], (process, signals) => process.KeptSignals = signals).ConfigureAwait(false),
            _ when text.StartsWith("qRcmd,", StringComparison.Ordinal) => RemoteText.Text(text["qRcmd,".Length..]) is { } command
                ? await Command(command).ConfigureAwait(false) : Wrong,
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
        DebugStopKind.Executed => $"T05exec:{RemoteText.Digits(GdbTransfers.Executable(_process))};thread:{Id(_last.Thread)};",
        _ => $"T05thread:{Id(_last.Thread)};",
    };

    private string Id(int thread) => RemoteText.ThreadId(_process, thread);

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
            || (binary is null ? RemoteText.Bytes(text[(colon + 1)..]) : binary[(colon + 2)..]) is not { } bytes
            || (ulong)bytes.Length != length)
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
            if (parts[0].Length == 0 || (parts.Length > 1 ? RemoteText.Thread(parts[1]) : -1) is not { } thread
                || OrderOf(parts[0]) is not { } order)
            {
                return Wrong;
            }

            orders.Add((thread, order));
        }

        return await Resume(
            thread => orders.Where(one => one.Thread is -1 || one.Thread == thread).Select(one => (ThreadOrder?)one.Order).FirstOrDefault(),
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
            case 'r' when rest.Split(',') is [var start, var end] && RemoteText.Number(start) is { } first
                && RemoteText.Number(end) is { } last:
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

    private async Task<string> Command(string command)
    {
        string answer = await machine.Look(view => MonitorCommands.Do(view, files, command)).ConfigureAwait(false)
            ?? "the program has ended\n";
        return RemoteText.Digits(answer);
    }
}
