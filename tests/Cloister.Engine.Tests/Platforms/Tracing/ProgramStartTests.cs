using System.Text;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Platforms.Tracing;

/// <summary><see cref="ProgramStart"/> and <see cref="InitialExec"/>: what was seized becomes the program.</summary>
[Collection(HeldCollection.Name)]
public sealed class ProgramStartTests
{
    private static readonly byte[] s_notUtf8 = [.. "NAME="u8, 0xff, 0xfe];

    [Fact]
    public void It_has_the_arguments_the_environment_and_the_limits_that_were_said() => HeldProgram.Run(
        ProgramInvocation.Of(["sleep", "60", ""]) with
        {
            Environment = [s_notUtf8, [.. "EMPTY="u8]],
            Limits = [new ResourceLimit(ResourceLimit.OpenFiles, 100, 200)],
        },
        held =>
        {
            Assert.Equal("sleep\060\0\0", File.ReadAllText($"/proc/{held.Id}/cmdline"));
            Assert.Equal([.. s_notUtf8, 0, .. "EMPTY="u8, 0], File.ReadAllBytes($"/proc/{held.Id}/environ"));
            Assert.Equal(new ResourceLimit(ResourceLimit.OpenFiles, 100, 200), ResourceLimit.Of(held.Id, ResourceLimit.OpenFiles));
        });

    [Fact]
    public void It_has_the_filter_no_descriptor_of_whatever_began_it_and_no_signal_blocked() => HeldProgram.Run(held =>
    {
        Assert.Equal("2", HostKernel.StatusField(held.Id, "Seccomp:"));
        Assert.Empty(Pipes(held.Id).Except(Pipes(Environment.ProcessId)));
        Assert.Equal(0UL, held.Signals("SigBlk:"));
        Assert.Equal(Environment.ProcessId.ToString(), HostKernel.StatusField(held.Id, "PPid:"));
        Assert.NotEqual("0", HostKernel.StatusField(held.Id, "TracerPid:"));
    });

    [Fact]
    public void It_stops_for_a_system_call_of_the_filter() => HeldProgram.Run(held =>
    {
        // access(0, 0), which names a file.
        held.Put(0xb8, (byte)SystemCall.Access, 0, 0, 0, 0x31, 0xff, 0x31, 0xf6, 0x0f, 0x05, 0xeb, 0xfe);
        held.Resume();
        ProgramEvent happened = held.Next();

        Assert.Equal((EventKind.SystemCall, (ulong)SystemCall.Access), (happened.Kind, held.Thread.Peek().OrigRax));
        held.Platform.SetResult(held.Thread, -(long)Errno.EACCES);
        held.Resume();
        Assert.Equal(HaltResult.Stands, held.Platform.Halt(held.Thread, mayWait: false, out _));
        Assert.Equal(unchecked((ulong)-(long)Errno.EACCES), held.Thread.Peek().Rax);
    });

    [Fact]
    public void What_cannot_be_executed_is_an_error_and_leaves_nobody()
    {
        var missing = new ProgramInvocation
        {
            Path = Encoding.ASCII.GetBytes("/no/such/program"),
            Arguments = [[.. "x"u8]],
            Environment = [],
        };
        LinuxException error = Assert.Throws<LinuxException>(() => HeldProgram.Run(missing, _ => Assert.Fail("it runs")));

        Assert.Equal(("execve", Errno.ENOENT), (error.Call, error.Errno));
        Assert.True(Ptrace.Wait(-1, block: false, out _) <= 0);
    }

    // What this process was started with its children have as well.
    private static IEnumerable<string> Pipes(int process) => new DirectoryInfo($"/proc/{process}/fd").EnumerateFileSystemInfos()
        .Select(open => open.LinkTarget!)
        .Where(target => target?.StartsWith("pipe:", StringComparison.Ordinal) == true);
}
