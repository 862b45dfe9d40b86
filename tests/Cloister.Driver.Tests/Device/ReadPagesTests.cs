using Cloister.Architecture;
using Cloister.Driver.Reclaim;
using Cloister.Driver.Tests.Harness;

namespace Cloister.Driver.Tests.Device;

/// <summary>Pages that somebody looks at stay where they are, in the EPC and written out.</summary>
public class ReadPagesTests
{
    private readonly EnclaveImage _image = new() { HeapPages = 60 };

    [Fact]
    public void Pages_in_the_epc_and_written_out_are_read_where_they_are()
    {
        var machine = new TestMachine();
        SgxEnclave enclave = machine.Build(_image);
        byte[][] before = [.. Pages().Select(page => Read(machine, enclave, page))];
        for (int run = 0; run < 3; run++)
        {
            new PageReclaimer(machine.Driver.State).ReclaimPages();
        }

        DriverStatistics statistics = machine.Statistics;
        Assert.True(statistics.BackingPages > 16);
        Assert.Equal(before, Pages().Select(page => Read(machine, enclave, page)));
        Assert.Equal(statistics, machine.Statistics);
        Assert.False(machine.Driver.TryRead(enclave, enclave.Base + enclave.Size, new byte[4096], out _));
        Assert.True(machine.Driver.TryReadSecs(enclave, out Secs secs));
        Assert.Equal(enclave.Base.Value, secs.BaseAddr);
        machine.AssertInvariants();
    }

    [Fact]
    public void After_a_loss_of_power_there_is_nothing_to_read()
    {
        var machine = new TestMachine();
        SgxEnclave enclave = machine.Build(_image);
        machine.Driver.PrepareSuspend();
        machine.Machine.LosePower();
        Assert.All(Pages(), page => Assert.False(machine.Driver.TryRead(enclave, page, new byte[4096], out _)));
        Assert.False(machine.Driver.TryReadSecs(enclave, out _));
    }

    private static byte[] Read(TestMachine machine, SgxEnclave enclave, LinearAddress at)
    {
        byte[] contents = new byte[4096];
        Assert.True(machine.Driver.TryRead(enclave, at, contents, out SecinfoFlags flags));
        Assert.NotEqual(default, flags);
        return contents;
    }

    private IEnumerable<LinearAddress> Pages() => Enumerable.Range(EnclaveImage.HeapPage, _image.HeapPages).Select(page => _image.At(page));
}
