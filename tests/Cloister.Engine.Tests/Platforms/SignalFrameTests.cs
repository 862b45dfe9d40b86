using System.Diagnostics;
using Cloister.Engine.Platforms;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux.Tests.Harness;
using Xunit.Abstractions;

namespace Cloister.Engine.Tests.Platforms;

public sealed class SignalFrameTests(ITestOutputHelper output) : IDisposable
{
    private readonly OwnThread _own = new();
    private readonly ulong _stack = OwnMemory.Map(1);

    public void Dispose()
    {
        OwnMemory.Unmap(_stack, 1);
        _own.Dispose();
    }

    [Fact]
    public void The_handler_finds_the_exceptions_numbers_in_its_context()
    {
        (int error, int trap, int address) = Offsets();
        _own.Thread.Registers.Rsp = _stack + 64;
        SignalFrame.Write(_own.Thread, new ProgramSignal(11, default, Trap: 14, ErrorCode: 0x8007, FaultAddress: 0x1234_5000));
        var expected = new byte[4096];
        BitConverter.TryWriteBytes(expected.AsSpan(64 + 8 + error), 0x8007L);
        BitConverter.TryWriteBytes(expected.AsSpan(64 + 8 + trap), 14L);
        BitConverter.TryWriteBytes(expected.AsSpan(64 + 8 + address), 0x1234_5000L);
        Assert.Equal(expected, Stack());
    }

    [Fact]
    public void Without_an_address_that_of_before_stays()
    {
        _own.Thread.Registers.Rsp = _stack;
        SignalFrame.Write(_own.Thread, new ProgramSignal(11, default, 14, 7, 0x7000));
        byte[] before = Stack();
        SignalFrame.Write(_own.Thread, new ProgramSignal(11, default, 14, 7, null));
        Assert.Equal(before, Stack());
    }

    private byte[] Stack()
    {
        byte[] bytes = new byte[4096];
        Assert.True(_own.Space.Memory.TryRead(_stack, bytes));
        return bytes;
    }

    // Behind the return address at the handler's RSP lies the ucontext. A compiler knows where its fields are.
    private (int Error, int Trap, int Address) Offsets()
    {
        string directory = Directory.CreateTempSubdirectory().FullName;
        try
        {
            File.WriteAllText(Path.Combine(directory, "o.c"), """
                #define _GNU_SOURCE
                #include <stddef.h>
                #include <stdio.h>
                #include <ucontext.h>
                #define AT(r) (int)(offsetof(ucontext_t, uc_mcontext.gregs) + (r) * sizeof(greg_t))
                int main(void) { printf("%d %d %d", AT(REG_ERR), AT(REG_TRAPNO), AT(REG_CR2)); return 0; }
                """);
            using Process? run = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "gcc -o o o.c 2>/dev/null && ./o"])
            {
                WorkingDirectory = directory,
                RedirectStandardOutput = true,
            });
            int[] numbers = [.. run!.StandardOutput.ReadToEnd().Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
            run.WaitForExit();
            if (numbers.Length == 3)
            {
                return (numbers[0], numbers[1], numbers[2]);
            }
        }
        finally
        {
            Directory.Delete(directory, true);
        }

        // uapi asm-generic/ucontext.h and asm/sigcontext.h by hand.
        output.WriteLine("no gcc: the offsets are constants");
        return (40 + 19 * 8, 40 + 20 * 8, 40 + 22 * 8);
    }
}
