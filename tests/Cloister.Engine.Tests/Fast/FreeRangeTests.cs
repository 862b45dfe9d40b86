using System.Globalization;
using Cloister.Engine.Fast;
using Cloister.Engine.Stubs;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Engine.Tests.Fast;

/// <summary>Near code of this process.</summary>
public class FreeRangeTests
{
    [Fact]
    public void Is_free_in_reach_and_away_from_what_grows()
    {
        int looked = 0;

        // As it was at one moment: the runtime and the other tests map and unmap meanwhile.
        MapsLine[] lines = [.. LinesOf(Environment.ProcessId)];
        ulong[] starts = [.. lines.Select(line => line.Start).Where(start => start < 1UL << 47)];
        for (int i = 0; i < starts.Length; i += Math.Max(1, starts.Length / 16))
        {
            ulong address = starts[i];
            if (FreeRange.In(lines, JumpTargets.Near(address), 4096, []) is not { } found)
            {
                continue;
            }

            looked++;
            Assert.Equal(0ul, found % 4096);
            Assert.True(Math.Abs((long)(found - address)) < int.MaxValue - (1 << 20));
            const ulong margin = 1 << 20;
            Assert.DoesNotContain(lines, line => line.Start < found + 4096 + margin && found < line.End + margin);
        }

        Assert.NotEqual(0, looked);
    }

    [Fact]
    public void Is_found_near_a_programs_code()
    {
        // What maps has of a program that just waits does not change.
        using StartingProgram shell = StoppedProcess.Start();
        int child = shell.Id;
        try
        {
            (ulong Start, ulong End)[] maps = [.. Maps(child)];
            foreach ((ulong start, ulong _) in maps.Where(range => range.Start < 1UL << 47))
            {
                ulong? found = FreeRange.In(LinesOf(child), JumpTargets.Near(start), 4096, []);
                Assert.NotNull(found);
                const ulong margin = 1 << 20;
                Assert.DoesNotContain(maps, range => range.Start < found + 4096 + margin && found < range.End + margin);
                Assert.True(Math.Abs((long)(found.Value - start)) < int.MaxValue - (1 << 20));
            }
        }
        finally
        {
            shell.End();
        }
    }

    [Fact]
    public void There_may_be_none()
    {
        ulong code = Maps().First().Start;
        Assert.Null(FreeRange.In(LinesOf(Environment.ProcessId), JumpTargets.Near(code), 1UL << 47, []));
    }

    [Fact]
    public void Lies_whole_among_the_targets()
    {
        using StartingProgram shell = StoppedProcess.Start();
        int child = shell.Id;
        try
        {
            ulong end = Maps(child).Where(range => range.Start < 1UL << 47).Max(range => range.End);
            foreach (ulong first in (ulong[])[0x1234_5678_9001, 0x1234_5678_9000, 0x1234_5678_9fff])
            {
                var targets = new JumpTargets(first, first + ushort.MaxValue);
                ulong? found = FreeRange.In(LinesOf(child), targets, 4096, []);
                Assert.NotNull(found);
                Assert.Equal(0ul, found % 4096);
                Assert.InRange(found.Value, targets.First, targets.Last - 4095);
                Assert.Null(FreeRange.In(LinesOf(child), targets, 1 << 20, []));
            }

            Assert.Null(FreeRange.In(LinesOf(child), new JumpTargets(end - 4096, end), 4096, []));
        }
        finally
        {
            shell.End();
        }
    }

    [Fact]
    public void Lies_outside_enclaves_however_large()
    {
        using StartingProgram shell = StoppedProcess.Start();
        int child = shell.Id;
        try
        {
            const ulong tebibyte = 1UL << 40, start = 16 * tebibyte;
            ulong? found = FreeRange.In(LinesOf(child), JumpTargets.Near(start + tebibyte - 0x10000), 4096, [(start, start + tebibyte)]);
            Assert.InRange(found!.Value, start + tebibyte, start + tebibyte + (1UL << 30));
            found = FreeRange.In(LinesOf(child), JumpTargets.Near(start + 0x10000), 4096,
                [(start, start + tebibyte), (start, start + tebibyte)]);
            Assert.InRange(found!.Value, start - (1UL << 30), start - 4096);
            Assert.Null(FreeRange.In(LinesOf(child), JumpTargets.Near(start + (tebibyte / 2)), 4096, [(start, start + tebibyte)]));
        }
        finally
        {
            shell.End();
        }
    }

    private static List<MapsLine> LinesOf(int process) => MapsLine.Parse(File.ReadAllBytes($"/proc/{process}/maps"));

    private static IEnumerable<(ulong Start, ulong End)> Maps(int process = 0)
    {
        foreach (string line in File.ReadAllLines($"/proc/{(process == 0 ? "self" : process)}/maps"))
        {
            string[] range = line.Split(' ')[0].Split('-');
            yield return (ulong.Parse(range[0], NumberStyles.HexNumber), ulong.Parse(range[1], NumberStyles.HexNumber));
        }
    }
}
