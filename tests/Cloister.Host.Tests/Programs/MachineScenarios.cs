using Cloister.Architecture;
using Cloister.Linux;
using static Cloister.Host.Tests.Programs.TestCode;

namespace Cloister.Host.Tests.Programs;

/// <summary>Scenarios that want a machine of their own: one that loses power, one with another interface.</summary>
internal static class MachineScenarios
{
    private const PageAccess ReadWrite = PageAccess.Read | PageAccess.Write;

    /// <summary>Power goes before the second EENTER.</summary>
    public static void PowerLossAtEntry(EntryMethod method)
    {
        Enclave enclave = Builder(1, method).Build();
        Assert.Equal(5ul, enclave.Call(Id(Request.Add), enclave.At(Data).Value, 5).Rdx);
        for (int i = 0; i < 3; i++)
        {
            EnclaveLostException lost = Assert.Throws<EnclaveLostException>(() => enclave.Call(Id(Request.Add), enclave.At(Data).Value, 5));
            Assert.Contains("EENTER", lost.Message, StringComparison.Ordinal);
            Assert.Contains("build it anew", lost.Message, StringComparison.Ordinal);
        }

        EnclaveOperationException refused =
            Assert.Throws<EnclaveOperationException>(() => enclave.RestrictPermissions(Data, Page, PageAccess.Read));
        Assert.Equal(Errno.EFAULT, refused.Errno);
        Assert.Contains("loss of power", refused.Message, StringComparison.Ordinal);
        enclave.Dispose();
        enclave.Dispose();

        using Enclave anew = Builder(1, method).Build();
        Assert.Equal(3ul, anew.Call(Id(Request.Add), anew.At(Data).Value, 3).Rdx);
    }

    /// <summary>Power goes while a thread is inside: its ERESUME finds no TCS.</summary>
    public static void PowerLossWhileInside(EntryMethod method)
    {
        Enclave enclave = Builder(2, method).Build();
        using var flags = PageBuffer.Allocate(16);
        Exception? end = null;
        var inside = new Thread(
            () => end = Record.Exception(
                () => enclave.CallOn(enclave.Threads[0], new(Id(Request.Wait), flags.Address, flags.Address + 8))));
        inside.Start();
        var spin = default(SpinWait);
        while (Volatile.Read(ref flags.Bytes[0]) == 0)
        {
            spin.SpinOnce();
        }

        // SIGPWR to Cloister, the parent, is the loss.
        int machine = int.Parse(HostKernel.StatusField(Environment.ProcessId, "PPid:")!, null);
        Assert.Equal(Errno.None, HostKernel.Kill(machine, Signal.SIGPWR));
        inside.Join();
        Assert.Contains("ERESUME", Assert.IsType<EnclaveLostException>(end).Message, StringComparison.Ordinal);
        _ = Assert.Throws<EnclaveLostException>(() => enclave.CallOn(enclave.Threads[1], new(Id(Request.Add), enclave.At(Data).Value, 1)));
        enclave.Dispose();
    }

    /// <summary>Power goes before the third ioctl, an SGX_IOC_ENCLAVE_ADD_PAGES.</summary>
    public static void PowerLossWhileAdding(EntryMethod method)
    {
        EnclaveOperationException refused = Assert.Throws<EnclaveOperationException>(() => Builder(1, method).Build());
        Assert.Equal(("SGX_IOC_ENCLAVE_ADD_PAGES", Errno.EIO), (refused.Operation, refused.Errno));
        Assert.Contains("power was lost", refused.Message, StringComparison.Ordinal);
        using Enclave anew = Builder(1, method).Build();
        Assert.Equal(3ul, anew.Call(Id(Request.Add), anew.At(Data).Value, 3).Rdx);
    }

    /// <summary>Power goes before the sixth ioctl: CREATE, four ADD_PAGES, INIT.</summary>
    public static void PowerLossBeforeInit(EntryMethod method)
    {
        EnclaveLostException lost = Assert.Throws<EnclaveLostException>(() => Builder(1, method).Build());
        Assert.Contains("SGX_IOC_ENCLAVE_INIT", lost.Message, StringComparison.Ordinal);
        using Enclave anew = Builder(1, method).Build();
        Assert.Equal(3ul, anew.Call(Id(Request.Add), anew.At(Data).Value, 3).Rdx);
    }

    /// <summary>With the interface of the RFC of March 2022: MAP_POPULATE and an ioctl add pages before they are touched.</summary>
    public static void AugmentedBefore(EntryMethod method)
    {
        const ulong at = 128 * Page, other = 160 * Page, pages = 8;
        const SecinfoFlags added = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pending;
        using Enclave enclave = Builder(1, method).Build();
        enclave.Map(at, pages * Page, ReadWrite, populate: true);
        enclave.Map(other, pages * Page, ReadWrite);
        enclave.AugmentPages(other, pages * Page);
        foreach (ulong start in new[] { at, other })
        {
            for (ulong page = start; page < start + (pages * Page); page += Page)
            {
                Assert.Equal(0ul, enclave.Call(Id(Request.Accept), enclave.At(page).Value, (ulong)added).Rdx);
            }
        }

        // A page that is there already is not added a second time.
        Assert.Equal(0ul, Assert.Throws<EnclaveOperationException>(() => enclave.AugmentPages(at, Page)).BytesDone);
    }
}
