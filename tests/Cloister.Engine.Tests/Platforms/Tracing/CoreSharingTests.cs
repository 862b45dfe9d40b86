using System.Numerics;
using Cloister.Engine.Platforms.Tracing;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Engine.Tests.Platforms.Tracing;

/// <summary><see cref="CoreSharing"/>: one that stops all the time is on the tracer's core, until it is quiet.</summary>
public sealed class CoreSharingTests
{
    private const int ManyStops = 64;

    [Fact]
    public void One_that_stops_often_goes_to_the_tracers_core_and_comes_back() => Run((cores, thread, all) =>
    {
        for (int i = 0; i < ManyStops / 2; i++)
        {
            cores.NoteStop(thread);
        }

        Assert.Equal(all, HostKernel.GetAffinity(thread));
        Stop(cores, thread);
        Assert.Equal(1, Cores(thread));
        Assert.Equal(HostKernel.GetAffinity(0), HostKernel.GetAffinity(thread));
        cores.Release(thread);
        Assert.Equal(all, HostKernel.GetAffinity(thread));
    });

    [Fact]
    public void One_that_is_quiet_is_let_go() => Run((cores, thread, all) =>
    {
        Stop(cores, thread);
        Assert.True(SpinWait.SpinUntil(() => HostKernel.GetAffinity(thread).SequenceEqual(all), TimeSpan.FromSeconds(10)));

        // And may come again.
        Stop(cores, thread);
        Assert.Equal(1, Cores(thread));
    });

    [Fact]
    public void A_child_begins_with_the_affinity_that_its_parent_really_has() => Run((cores, thread, all) =>
    {
        using StartingProgram child = StoppedProcess.Start();
        Stop(cores, thread);
        Assert.Equal(Errno.None, HostKernel.SetAffinity(child.Id, HostKernel.GetAffinity(thread)));
        cores.Inherit(thread, child.Id);
        Assert.Equal(all, HostKernel.GetAffinity(child.Id));

        cores.Release(thread);
        ulong[] one = HostKernel.GetAffinity(0);
        Assert.Equal(Errno.None, HostKernel.SetAffinity(child.Id, one));
        cores.Inherit(thread, child.Id);
        Assert.Equal(one, HostKernel.GetAffinity(child.Id));
        child.End();
    });

    [Fact]
    public void The_first_program_waits_for_nobody_and_later_ones_begin_there() => Run((cores, thread, all) =>
    {
        cores.NoteExec(thread);
        Assert.Equal(all, HostKernel.GetAffinity(thread));
        cores.NoteExec(thread);
        Assert.Equal(1, Cores(thread));
        cores.Forget(thread);
        Assert.Equal(all, HostKernel.GetAffinity(thread));
    });

    [Fact]
    public void The_tracers_own_threads_run_everywhere() => Run((cores, thread, all) =>
    {
        Stop(cores, thread);
        Assert.Equal(1, Cores(0));
        cores.UseAllCores();

        Assert.Equal(all, HostKernel.GetAffinity(0));
    });

    private static void Stop(CoreSharing cores, int thread)
    {
        // Within the window that counts, or once more.
        for (int i = 0; i < 100 * ManyStops && (i < ManyStops || Cores(thread) != 1); i++)
        {
            cores.NoteStop(thread);
        }
    }

    private static int Cores(int thread) => HostKernel.GetAffinity(thread).Sum(BitOperations.PopCount);

    // On a thread of its own, which stays on its core.
    private static void Run(Action<CoreSharing, int, ulong[]> test)
    {
        Exception? failed = null;
        var tracer = new Thread(() =>
        {
            using StartingProgram program = StoppedProcess.Start();
            try
            {
                using var cores = new CoreSharing();
                test(cores, program.Id, HostKernel.GetAffinity(program.Id));
            }
            catch (Exception e)
            {
                failed = e;
            }

            program.End();
        });
        tracer.Start();
        tracer.Join();
        Assert.Null(failed);
    }
}
