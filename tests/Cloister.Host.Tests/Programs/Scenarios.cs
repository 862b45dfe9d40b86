using System.Reflection;
using Cloister.Architecture;
using Cloister.Images;
using Cloister.Linux;
using static Cloister.Host.Tests.Programs.TestCode;

namespace Cloister.Host.Tests.Programs;

/// <summary>What a program does with enclaves, run on the machine. Each throws when something is not as it must be.</summary>
internal static partial class Scenarios
{
    private const PageAccess ReadWrite = PageAccess.Read | PageAccess.Write;

    /// <summary>Those that any machine runs.</summary>
    public static IEnumerable<MethodInfo> All => typeof(Scenarios).GetMethods(BindingFlags.Static | BindingFlags.Public)
        .Where(method => !method.IsSpecialName && method.Name != nameof(Named));

    /// <summary>One of them, or one of those that want a machine of their own.</summary>
    public static IEnumerable<MethodInfo> Named(string name) =>
        [typeof(Scenarios).GetMethod(name) ?? typeof(MachineScenarios).GetMethod(name)!];

    public static void Calls(EntryMethod method)
    {
        using Enclave enclave = Builder(1, method).Build();
        Assert.Equal(5ul, enclave.Call(Id(Request.Add), enclave.At(Data).Value, 5).Rdx);
        Assert.Equal(12ul, enclave.Call(Id(Request.Add), enclave.At(Data).Value, 7).Rdx);
    }

    public static void Faults(EntryMethod method)
    {
        using Enclave enclave = Builder(4, method).Build();
        (EnclaveThread undefined, EnclaveThread divide, EnclaveThread write, EnclaveThread outside) =
            (enclave.Threads[0], enclave.Threads[1], enclave.Threads[2], enclave.Threads[3]);
        EnclaveFault fault = Assert.Throws<EnclaveFaultException>(() => enclave.CallOn(undefined, new(Id(Request.Undefined)))).Fault;
        Assert.Equal((ExceptionVector.InvalidOpcode, (ushort)0), (fault.Vector, fault.ErrorCode));
        fault = Assert.Throws<EnclaveFaultException>(() => enclave.CallOn(divide, new(Id(Request.Divide)))).Fault;
        Assert.Equal(ExceptionVector.DivideError, fault.Vector);

        // The page tables have no write permission for the code: P, W and U, and not SGX. SDM 3A, "Page-Fault Exception".
        fault = Assert.Throws<EnclaveFaultException>(() => enclave.CallOn(write, new(Id(Request.Write), enclave.At(0).Value))).Fault;
        Assert.Equal((ExceptionVector.PageFault, enclave.At(0)), (fault.Vector, fault.Address));
        Assert.False(fault.RefusedByEpcm);
        Assert.True(((PageFaultErrorCode)fault.ErrorCode).HasFlag(PageFaultErrorCode.Write | PageFaultErrorCode.User));
        EnclaveFaultException thrown = Assert.Throws<EnclaveFaultException>(() => enclave.CallOn(outside, new(Id(Request.Write), 0x10)));
        Assert.Equal(ExceptionVector.PageFault, thrown.Fault.Vector);
        Assert.Contains("write to the address", thrown.Message, StringComparison.Ordinal);

        // Each exception keeps a frame; without a free one EENTER is refused. SDM 3D, EENTER: CSSA >= NSSA.
        for (int used = 1; used < Frames; used++)
        {
            Assert.NotNull(undefined.Enter(new(Id(Request.Undefined))).Fault);
        }

        Assert.Contains("refused", Assert.Throws<EnclaveException>(() => undefined.Enter()).Message, StringComparison.Ordinal);
    }

    public static void Threads(EntryMethod method)
    {
        const int threads = 4, workers = 8, calls = 100;
        using Enclave enclave = Builder(threads, method).Build();
        Thread[] all = [.. Enumerable.Range(0, workers).Select(worker => new Thread(() =>
        {
            for (int i = 0; i < calls; i++)
            {
                _ = enclave.Call(Id(Request.Add), enclave.At(Data).Value, 1);

                // It stops the others wherever they are: outside, on the way, inside.
                if (i % 25 == worker)
                {
                    GC.Collect();
                }
            }
        }))];
        Array.ForEach(all, worker => worker.Start());
        Array.ForEach(all, worker => worker.Join());
        Assert.Equal((ulong)(workers * calls), enclave.Call(Id(Request.Add), enclave.At(Data).Value).Rdx);
    }

    public static void CollectWhileInside(EntryMethod method)
    {
        using Enclave enclave = Builder(1, method).Build();
        using var flags = PageBuffer.Allocate(16);
        ulong answer = 0;
        Thread inside = Enter(enclave, flags, rdx => answer = rdx);
        for (int i = 0; i < 20; i++)
        {
            _ = new byte[100_000];
            GC.Collect();
        }

        // A second caller is refused; it would share the stack of the first.
        Assert.Contains("in use", Assert.Throws<EnclaveException>(() => enclave.Threads[0].Enter()).Message, StringComparison.Ordinal);
        Release(flags, 7);
        inside.Join();
        Assert.Equal(7ul, answer);
    }

    public static void DisposeWhileInside(EntryMethod method)
    {
        Enclave enclave = Builder(2, method).Build();
        using var flags = PageBuffer.Allocate(16);
        ulong answer = 0;
        Thread inside = Enter(enclave, flags, rdx => answer = rdx);
        enclave.Dispose();
        enclave.Dispose();
        _ = Assert.Throws<ObjectDisposedException>(() => enclave.Call(Id(Request.Add), enclave.At(Data).Value));
        _ = Assert.Throws<ObjectDisposedException>(() => enclave.Threads[1].Enter());
        _ = Assert.Throws<ObjectDisposedException>(() => enclave.Map(0, Page, ReadWrite));
        _ = Assert.Throws<ObjectDisposedException>(() => enclave.RemovePages(0, Page));
        Release(flags, 9);
        inside.Join();
        Assert.Equal(9ul, answer);
    }

    public static void OutsideCall(EntryMethod method)
    {
        using Enclave enclave = Builder(1, method).Build();
        EnclaveRegisters result = enclave.Call(new(Id(Request.Ask), 0, 40), (_, exit) =>
        {
            Assert.Equal(EncluLeaf.Eexit, exit.Leaf);
            return exit.Registers.Rdi == 1 ? ExitDecision.Enter(new(Id(Request.Answered), 2, exit.Registers.Rdx)) : ExitDecision.Finish;
        });
        Assert.Equal(42ul, result.Rdx);
    }

    public static void SpoiledRegisters(EntryMethod method)
    {
        using Enclave enclave = Builder(1, method).Build();
        double one = 1.0, three = double.Parse("3", null), before = one / three;
        _ = enclave.Call(Id(Request.Spoil), enclave.At(Data).Value);
        Assert.Equal(BitConverter.DoubleToInt64Bits(before), BitConverter.DoubleToInt64Bits(one / three));
        Assert.Equal(double.Epsilon, double.Epsilon * double.Parse("1", null));
        Assert.Equal(15, Enumerable.Range(1, 5).Sum());
    }

    public static void GrowAndShrink(EntryMethod method)
    {
        const SecinfoFlags added = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W | SecinfoFlags.Pending;
        const ulong at = 128 * Page;
        using Enclave enclave = Builder(1, method).Build();
        enclave.Map(at, 2 * Page, ReadWrite, populate: true);
        Assert.Equal(0ul, enclave.Call(Id(Request.Accept), enclave.At(at).Value, (ulong)added).Rdx);
        Assert.Equal(3ul, enclave.Call(Id(Request.Add), enclave.At(at).Value, 3).Rdx);

        EnclaveOperationException refused = Assert.Throws<EnclaveOperationException>(() => enclave.RemovePages(at, Page));
        Assert.Equal((Errno.EPERM, 0ul), (refused.Errno, refused.BytesDone));
        enclave.ModifyTypes(at, Page, PageType.Trim);
        Assert.Equal(Errno.EPERM, Assert.Throws<EnclaveOperationException>(() => enclave.RemovePages(at, Page)).Errno);
        Assert.Equal(0ul, enclave.Call(Id(Request.Accept), enclave.At(at).Value, (ulong)(SecinfoFlags.Trim | SecinfoFlags.Modified)).Rdx);
        enclave.RemovePages(at, Page);
        enclave.Unmap(at, 2 * Page);
    }

    public static void Refusals(EntryMethod method)
    {
        using Enclave enclave = Builder(1, method).Build();
        EnclaveOperationException e =
            Assert.Throws<EnclaveOperationException>(() => enclave.RestrictPermissions(200 * Page, Page, PageAccess.Read));
        Assert.Equal(Errno.EFAULT, e.Errno);
        Assert.Contains("no such page", e.Message, StringComparison.Ordinal);
        Assert.Equal(Errno.EINVAL, Assert.Throws<EnclaveOperationException>(() => enclave.ModifyTypes(Data, Page, PageType.Reg)).Errno);
        Assert.Equal(Errno.EACCES, Assert.Throws<EnclaveOperationException>(() => enclave.Protect(0, Page, ReadWrite)).Errno);
        _ = Assert.Throws<ArgumentOutOfRangeException>(() => enclave.Map(Size, Page, ReadWrite));

        // A SIGSTRUCT that was changed after it was signed.
        Sigstruct changed = enclave.Sigstruct;
        changed.Isvsvn ^= 4;
        e = Assert.Throws<EnclaveOperationException>(() => Builder(1, method).Build(changed));
        Assert.Contains("ISVSVN, SIGSTRUCT offset 1026", e.Message, StringComparison.Ordinal);

        // A SIGSTRUCT of this enclave for another.
        e = Assert.Throws<EnclaveOperationException>(() => Builder(2, method).Build(enclave.Sigstruct));
        Assert.Equal(Errno.EPERM, e.Errno);
        Assert.Contains(enclave.Mrenclave.ToString(), e.Message, StringComparison.Ordinal);
    }

    public static void MeasuresAsTheProcessor(EntryMethod method)
    {
        EnclaveBuilder builder = Builder(3, method).AddZeros(2 * Page, 5, ReadWrite, measured: false);

        // EINIT compares: the processor has measured the same, or it is refused.
        using Enclave enclave = builder.Build();
        Assert.Equal(builder.Measure(), enclave.Mrenclave);
    }

    public static void InstructionAcrossPages(EntryMethod method)
    {
        // Its first bytes end a page, and what it reads is elsewhere: MOV RDX, FS:[0], with FS at the beginning of the enclave.
        byte[] load = [0x64, 0x48, 0x8b, 0x14, 0x25, 0, 0, 0, 0];
        byte[] leave = [0x48, 0x89, 0xcb, 0xb8, 4, 0, 0, 0, 0x0f, 0x01, 0xd7];
        byte[] code = new byte[2 * Page];
        const int at = (int)Page - 2;
        ((byte[])[0xe9, .. BitConverter.GetBytes(at - 5)]).CopyTo(code, 0);
        ((byte[])[.. load, .. leave]).CopyTo(code, at);
        using Enclave enclave = new EnclaveBuilder(Size) { EntryMethod = method }
            .Add(0, code, PageAccess.Read | PageAccess.Execute)
            .AddThread(FirstThread, new Tcs { Ossa = FirstThread + Page, Nssa = 1, Fslimit = uint.MaxValue, Gslimit = uint.MaxValue })
            .AddZeros(FirstThread + Page, 1, ReadWrite)
            .Build();
        Assert.Equal(BitConverter.ToUInt64(code), enclave.Call(0ul).Rdx);
    }

    public static void Files(EntryMethod method)
    {
        string path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, EnclaveFiles.Sgxs());
            using var enclave = Enclave.Load(path, new EnclaveLoadOptions { EntryMethod = method, Debug = true });
            Assert.Equal(EnclaveMeasurement(path), enclave.Mrenclave.ToArray());
            Assert.True(enclave.Sigstruct.Attributes.Flags.HasFlag(AttributeFlags.Debug));
            Assert.Equal(7ul, enclave.Call(Id(Request.Add), enclave.At(Data).Value, 7).Rdx);

            File.WriteAllBytes(path, [1, 2, 3]);
            _ = Assert.Throws<ImageException>(() => Enclave.Load(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    private static Thread Enter(Enclave enclave, PageBuffer flags, Action<ulong> answer)
    {
        var thread = new Thread(
            () => answer(enclave.CallOn(enclave.Threads[0], new(Id(Request.Wait), flags.Address, flags.Address + 8)).Rdx))
        {
            IsBackground = true,
        };
        thread.Start();
        var spin = default(SpinWait);
        while (Volatile.Read(ref flags.Bytes[0]) == 0)
        {
            spin.SpinOnce();
        }

        return thread;
    }

    private static void Release(PageBuffer flags, byte value) => Volatile.Write(ref flags.Bytes[8], value);

    private static byte[] EnclaveMeasurement(string path)
    {
        using var image = ImageReader.Open(path);
        return EnclaveMeasurer.Measure(image, image.PreferredVariant).Mrenclave.ToArray();
    }
}
