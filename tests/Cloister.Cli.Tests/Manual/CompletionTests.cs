using System.Collections.Concurrent;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Manual;

/// <summary>The completion scripts in the shells they are for. A shell that is not installed is not asked.</summary>
public sealed class CompletionTests : IDisposable
{
    private static readonly ConcurrentDictionary<string, string> s_scripts = new();
    private readonly TemporaryDirectory _directory = new();

    public CompletionTests() => _directory.WriteProgram("a-program-of-its-own", "#!/bin/sh\n"u8);

    public void Dispose() => _directory.Dispose();

    /// <summary>What is typed, with a tab wherever one is, and what the command then gets.</summary>
    public static TheoryData<string, string> Typed { get; } = new()
    {
        { "cloister docto\t", "doctor" },
        { "cloister run --engi\tt\t -- a-program-o\t", "run --engine trap -- a-program-of-its-own" },
        { "cloister run --engine=t\t-- a-program-o\t", "run --engine=trap -- a-program-of-its-own" },
        { "cloister run --epc 8M a-program-o\t", "run --epc 8M a-program-of-its-own" },
        { "cloister lab ed\t--ways st\t", "lab edmm --ways static" },
        { "cloister inspect a-program-of\t", "inspect a-program-of-its-own" },
        { "cloister verify --polic\ta-program-of\t", "verify --policy a-program-of-its-own" },
        { "cloister completion zs\t", "completion zsh" },
        { "cloister help measu\t", "help measure" },
        { "cloister run --cpu sapp\t", "run --cpu sapphire-rapids" },
    };

    [Theory]
    [MemberData(nameof(Typed))]
    public void Bash_completes(string typed, string expected) =>
        AssertCompletes("bash --norc --noprofile -i", "bind 'set bell-style none'; bind 'set enable-bracketed-paste off'", "bash",
            typed, expected);

    [Theory]
    [MemberData(nameof(Typed))]
    public void Zsh_completes(string typed, string expected)
    {
        if (Shell.Has("zsh"))
        {
            AssertCompletes("zsh -f -i", $"unsetopt beep; autoload -Uz compinit; compinit -u -d {_directory.Path}/dump", "zsh",
                typed, expected);
        }
    }

    [Theory]
    [InlineData("cloister ", "run doctor help")]
    [InlineData("cloister run --e", "--epc --engine")]
    [InlineData("cloister run --engine ", "trap fast")]
    [InlineData("cloister run --engine=", "--engine=trap --engine=fast")]
    [InlineData("cloister run --stats=", "--stats=text --stats=json --stats=no")]
    [InlineData("cloister run a-program-o", "a-program-of-its-own")]
    [InlineData("cloister run --epc 1G -- a-program-o", "a-program-of-its-own")]
    [InlineData("cloister lab edmm --ways s", "static")]
    [InlineData("cloister inspect a-pro", "a-program-of-its-own")]
    [InlineData("cloister completion ", "bash zsh fish")]
    public void Fish_completes(string typed, string expected)
    {
        if (!Shell.Has("fish"))
        {
            return;
        }

        string script = _directory.Write("cloister.fish", s_scripts.GetOrAdd("fish", shell => EnclaveFiles.Run(0, "completion", shell)));
        string output = Shell.Run($"HOME={_directory.Path} PATH={_directory.Path}:$PATH fish -c \"source {script}; complete -C '{typed}'\"",
            directory: _directory.Path);
        string[] found = [.. output.Split('\n').Select(line => line.Split('\t')[0])];
        Assert.All(expected.Split(' '), word => Assert.Contains(word, found));
        Assert.DoesNotContain("rror", output, StringComparison.Ordinal);
    }

    // The shell sits at a terminal that script(1) makes, and prints its arguments in place of Cloister.
    // It is typed to when it says that it is ready.
    private void AssertCompletes(string shell, string first, string name, string typed, string expected)
    {
        string script = _directory.Write("completion", s_scripts.GetOrAdd(name, shell => EnclaveFiles.Run(0, "completion", shell)));
        _directory.Write("first",
            $"PS1=; {first}; source {script}; cloister() {{ printf 'GOT'; printf ' %s' \"$@\"; echo; }}; printf 'REA''DY\\n'\n");
        _directory.Write("typed", typed + "\nexit\n");
        _ = Shell.Run($$"""
            cd {{_directory.Path}}
            PATH=$PWD:$PATH
            export TERM=vt100
            await() { for i in {1..300}; do ! grep -aq "$1" seen 2>/dev/null || return 0; sleep 0.05; done; }
            : >seen
            (cat first; await READY; sleep 0.1; cat typed; await 'GOT [a-z]') | script -qfc '{{shell}}' seen
            """);
        string seen = File.ReadAllText(Path.Combine(_directory.Path, "seen"));
        Assert.Contains($"GOT {expected}".Replace('=', ' '), seen.ReplaceLineEndings("\n").Split('\n')
            .Select(line => line.Trim().Replace('=', ' ')));
    }
}
