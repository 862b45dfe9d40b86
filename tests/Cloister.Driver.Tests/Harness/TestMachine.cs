using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Ioctls.Tables;
using Cloister.Driver.Uapi;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Harness;

/// <summary>A machine with a driver, its programs and their threads.</summary>
internal sealed class TestMachine : IThreadKicker
{
    public TestMachine(int epcPages = 256, MachineOptions? options = null, DriverOptions? driverOptions = null)
    {
        Machine = new SgxMachine(options ?? new MachineOptions(), new ArrayEpcMemory(epcPages));
        Driver = new SgxDriver(Machine, driverOptions ?? new DriverOptions(), this);
        Program = new TestProgram(this);
    }

    /// <summary>A machine with the interface of a generation.</summary>
    public static TestMachine Of(Generation generation, int epcPages = 256) =>
        new(epcPages, driverOptions: new DriverOptions { Generation = generation });

    public SgxMachine Machine { get; }

    public SgxDriver Driver { get; }

    /// <summary>The first program.</summary>
    public TestProgram Program { get; }

    public List<TestThread> Threads { get; } = [];

    public DriverStatistics Statistics => Driver.Statistics;

    public void ForceExits(EpcPage secs)
    {
        foreach (var thread in Threads)
        {
            thread.Interrupt(secs);
        }
    }

    public static uint Command(string name, Generation generation = Generation.V6_0) =>
        IoctlTable.Rows.Single(row => row.Name == "SGX_IOC_" + name && row.Generation == generation).Command;

    /// <summary>An ioctl with its structure in ordinary memory; the structure as it is afterwards.</summary>
    public long Ioctl<T>(SgxEnclave enclave, string name, ref T parameters, int pageBudget = int.MaxValue)
        where T : unmanaged
    {
        ulong address = Program.Allocate(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref parameters, 1)));
        long result = Ioctl(enclave, Command(name, Driver.Options.Generation), address, pageBudget);
        Assert.True(Program.CopyFromUser(address, MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref parameters, 1))));
        Program.Unmap(address);
        return result;
    }

    public long Ioctl(SgxEnclave enclave, uint command, ulong argument, int pageBudget = int.MaxValue)
    {
        var operation = Driver.Ioctl(enclave, command, argument, Program);
        while (!operation.Continue(pageBudget))
        {
        }

        return operation.Result;
    }

    public SgxEnclave Open() => Driver.Open(new TestStorage());

    /// <summary>open and CREATE.</summary>
    public SgxEnclave Create(EnclaveImage image)
    {
        var enclave = Open();
        Assert.Equal(0, TryCreate(enclave, image.Secs()));
        return enclave;
    }

    public long TryCreate(SgxEnclave enclave, byte[] secs)
    {
        var parameters = new SgxEnclaveCreate { Src = Program.Allocate(secs) };
        return Ioctl(enclave, "ENCLAVE_CREATE", ref parameters);
    }

    public long AddPages(
        SgxEnclave enclave,
        int page,
        SecinfoFlags flags,
        byte[] contents,
        bool measure = true)
    {
        var secinfo = new Secinfo(flags);
        ulong source = Program.Allocate(contents);
        ulong secinfoAddress = Program.Allocate(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref secinfo, 1)));
        var parameters = new SgxEnclaveAddPages
        {
            Src = source,
            Offset = (ulong)page * 4096,
            Length = (ulong)contents.Length,
            Secinfo = secinfoAddress,
            Flags = measure ? SgxEnclaveAddPages.Measure : 0,
        };
        long result = Ioctl(enclave, "ENCLAVE_ADD_PAGES", ref parameters);
        Assert.True(result != 0 || parameters.Count == parameters.Length);
        for (int i = 0; i < contents.Length; i += 4096)
        {
            Program.Unmap(source + (ulong)i);
        }

        Program.Unmap(secinfoAddress);
        return result;
    }

    public long Initialize(SgxEnclave enclave, byte[] sigstruct)
    {
        var parameters = new SgxEnclaveInit { Sigstruct = Program.Allocate(sigstruct) };
        return Ioctl(enclave, "ENCLAVE_INIT", ref parameters);
    }

    /// <summary>Everything up to EINIT, and a mapping of the whole range that the pages allow.</summary>
    public SgxEnclave Build(EnclaveImage image)
    {
        var enclave = Create(image);
        foreach (var (page, flags, contents) in image.Pages())
        {
            Assert.Equal(0, AddPages(enclave, page, flags, contents));
        }

        Assert.Equal(0, Initialize(enclave, image.Sigstruct()));
        Map(enclave, image);
        return enclave;
    }

    /// <summary>Maps code as R-X, the rest of the range as RW-.</summary>
    public void Map(SgxEnclave enclave, EnclaveImage image, TestProgram? program = null)
    {
        const Protection ReadWrite = Protection.Read | Protection.Write;
        program ??= Program;
        var code = image.At(EnclaveImage.CodePage);
        Assert.Equal(0, program.Map(enclave, image.At(0), code - image.At(0), ReadWrite));
        Assert.Equal(0, program.Map(enclave, code, 4096, Protection.Read | Protection.Execute));
        ulong rest = image.Size - ((EnclaveImage.CodePage + 1) * EnclaveImage.Page);
        Assert.Equal(0, program.Map(enclave, code + 4096, rest, ReadWrite));
    }

    public TestThread StartThread(TestProgram? program = null)
    {
        var thread = new TestThread(this, program ?? Program);
        Threads.Add(thread);
        return thread;
    }

    /// <summary>Everything free, nothing in the backing store.</summary>
    public void AssertAllFree()
    {
        var statistics = Statistics;
        Assert.Equal(statistics.EpcPagesTotal, statistics.EpcPagesFree);
        Assert.Equal(0, statistics.EpcPagesReclaimable);
        Assert.Equal(0, statistics.BackingPages);
        AssertInvariants();
    }

    /// <summary>What must hold between any two calls.</summary>
    public void AssertInvariants()
    {
        var pool = Driver.State.Pool;
        int free = pool.CountFreeByWalking();
        Assert.Equal((Math.Max(0, free - pool.WithheldCount), Math.Max(0, pool.WithheldCount - free)), (pool.FreeCount, pool.ExcessCount));
        int owned = 0;
        int reclaimable = 0;
        int backing = 0;
        Driver.State.ForEachEnclave(enclave =>
        {
            int resident = 0;
            int before = backing;
            ulong index = 0;
            var placed = ((TestStorage)enclave.Storage).Placed;
            for (; enclave.Pages.TryNext(ref index, ulong.MaxValue); index++)
            {
                var page = enclave.Pages.TryGet(index, out _);
                Assert.NotEqual(page.IsResident, page.Backing != EnclavePage.None);
                if (page.IsResident)
                {
                    resident++;
                    Assert.True(Machine.Epcm[page.Epc].Valid);
                    Assert.False(Machine.Epcm[page.Epc].Blocked);
                    Assert.Equal(index << 12, Machine.Epcm[page.Epc].EnclaveAddress.Value);
                    Assert.Equal(page.Epc, placed[enclave.OffsetOf(index)]);
                }
                else
                {
                    backing++;
                }
            }

            Assert.Equal(resident, placed.Count);
            Assert.Equal(resident, enclave.ResidentPageCount);
            reclaimable += resident;
            owned += resident + enclave.Versions.Pages.Count + (enclave.Secs.IsResident ? 1 : 0);
            backing += enclave.IsCreated && !enclave.Secs.IsResident ? 1 : 0;
            int queued = enclave.AddRequests.Count;
            Assert.Equal(backing - before - queued, enclave.Versions.Pages.Sum(page => page.Used));
            Assert.True(enclave.Versions.Pages.Count * 512 >= enclave.Versions.PageCount);
            Assert.Equal(enclave.PageCount + (enclave.IsCreated ? 1 : 0), enclave.Versions.PageCount);
        });
        Assert.Equal(reclaimable, pool.ActiveCount);
        Assert.Equal(backing, Driver.State.Backing.Count);
        int valid = Enumerable.Range(0, pool.TotalCount).Count(index => Machine.Epcm[new EpcPage(index)].Valid);
        if (Statistics.VirtualEpcs == 0)
        {
            Assert.Equal(owned + pool.LeakedCount, pool.TotalCount - free);
            Assert.InRange(valid, owned, owned + pool.LeakedCount);
        }
    }
}
