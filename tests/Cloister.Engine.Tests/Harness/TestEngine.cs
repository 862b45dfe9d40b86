using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Driver.Ioctls.Tables;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Programs;
using Cloister.Linux;
using Cloister.Processor.Enclu;

namespace Cloister.Engine.Tests.Harness;

/// <summary>
/// The engine over a platform that does what a test says. Its program is this process: memory and files are real, threads and what happens
/// to them are not.
/// </summary>
internal sealed class TestEngine : IDisposable
{
    private const int MostSteps = 10_000;
    private readonly TestKernel _kernel = new();
    private readonly byte[] _code = GC.AllocateArray<byte>(64, pinned: true);
    private int _descriptor = -1;
    private EnclaveImage? _image;
    private readonly List<Pinned> _lent = [];

    public TestEngine(int epcPages = 256, IsolationMode isolation = IsolationMode.Fast, PowerLossPlan? losses = null,
        EngineMode mode = EngineMode.Trap,
        Generation generation = Generation.V6_0, InterruptPlan? interrupts = null)
    {
        var options = new EngineOptions
        {
            EpcPages = epcPages,
            Mode = mode,
            Presence = PresenceMode.Mprotect,
            Isolation = isolation,
            Driver = new DriverOptions { Generation = generation },
            Interrupts = interrupts ?? new InterruptPlan(),
        };
        Tracer = new Tracer(losses is null ? options : options with { PowerLoss = losses }, Platform);
        TracedProcess process = Tracer.Processes.New(Environment.ProcessId);
        process.Space.Table = MappedFile.Create("area", Area.Length);
        Thread = Add(process.Id, process);
        EncluInstruction.Opcode.CopyTo(_code);
        (_code[8], _code[9]) = (0x0f, 0x0b); // UD2
        (_code[12], _code[13]) = (0xf4, 0xa2); // CPUID that is HLT
        Touching.CopyTo(_code, 16);
    }

    public TestPlatform Platform { get; } = new();

    public Tracer Tracer { get; }

    /// <summary>The first thread, which stands.</summary>
    public TracedThread Thread { get; }

    /// <summary>Where an ENCLU stands in the program.</summary>
    public ulong Enclu => (ulong)Marshal.UnsafeAddrOfPinnedArrayElement(_code, 0);

    /// <summary>One more thread of a process.</summary>
    public TracedThread Add(int id, TracedProcess process)
    {
        TracedThread thread = Tracer.Processes.Add(id, process);
        Platform.Threads[id].OwnKernel = _kernel;
        return thread;
    }

    /// <summary>What a thread has of the platform.</summary>
    public TestThread Held(TracedThread thread) => (TestThread)thread.Held;

    /// <summary>Something happens to a thread, and is answered until the thread runs, or until nothing is left to do.</summary>
    public void Happens(TracedThread thread, EventKind kind, int signal = 0)
    {
        int before = Runs(thread);
        Platform.Happens(new ProgramEvent(kind, thread.Id) { Signal = signal });
        for (int i = 0; i < MostSteps && Runs(thread) == before; i++)
        {
            Tracer.Loop.Step();
            if (!Platform.AnyWaiting && !Tracer.Ioctls.Any)
            {
                return;
            }
        }
    }

    /// <summary>A thread makes a system call; its result.</summary>
    public long Call(TracedThread thread, long number, params ulong[] arguments)
    {
        ref UserRegisters r = ref thread.Registers;
        ulong[] all = [.. arguments, .. new ulong[6 - arguments.Length]];
        (r.OrigRax, r.Rax) = ((ulong)number, unchecked((ulong)-(long)Errno.ENOSYS));
        (r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9) = (all[0], all[1], all[2], all[3], all[4], all[5]);
        Happens(thread, EventKind.SystemCall);
        if (r.OrigRax != ulong.MaxValue)
        {
            // It makes the call.
            r.Rax = unchecked((ulong)TestKernel.Make((long)r.OrigRax, [r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9]));
            if (Held(thread).AtCallEnd is not null)
            {
                Happens(thread, EventKind.SystemCallDone);
            }

            r.OrigRax = ulong.MaxValue;
        }

        return (long)r.Rax;
    }

    /// <summary>An exception's signal stops a thread.</summary>
    public void Fault(TracedThread thread, int signal, int code, ulong address)
    {
        Held(thread).Signal = new SignalInformation { Signal = signal, Code = code, Address = address };
        Happens(thread, EventKind.Signal, signal);
    }

    /// <summary>
    /// MOV RAX, [RDI] and MOV [RDI], RAX: what an enclave begins with whose threads touch memory, and where the program has them.
    /// </summary>
    public static byte[] Touching { get; } = [0x48, 0x8b, 0x07, 0x48, 0x89, 0x07];

    /// <summary>A thread reads, or writes, where it cannot: in the enclave's code or the program's.</summary>
    public void Touch(TracedThread thread, LinearAddress address, bool writes = false)
    {
        ulong rip = thread.Processor.EnclaveMode ? _image!.At(EnclaveImage.CodePage).Value : Enclu + 16;
        (thread.Registers.Rdi, thread.Registers.Rip) = (address.Value, rip + (writes ? 3UL : 0));
        for (int i = 0; i < 2 && thread.Processor.EnclaveMode && !thread.Space.Pages.Peek(rip).Executable; i++)
        {
            // It is fetched first: the page comes in, and then it can be executed.
            Fault(thread, Signal.SIGSEGV, SignalInformation.SegvAccessError, rip);
        }

        Fault(thread, Signal.SIGSEGV, SignalInformation.SegvAccessError, address.Value);
    }

    /// <summary>A thread executes ENCLU.</summary>
    public void Execute(TracedThread thread, EncluLeaf leaf, ulong rbx, ulong rcx, ulong? at = null)
    {
        ref UserRegisters r = ref thread.Registers;
        (r.OrigRax, r.Rax, r.Rbx, r.Rcx, r.Rip) = (ulong.MaxValue, (ulong)leaf, rbx, rcx, at ?? Enclu);
        Fault(thread, Signal.SIGILL, SignalInformation.IllegalOperand, r.Rip);
    }

    /// <summary>A thread enters an enclave; ERESUME stands at AEP.</summary>
    public void Enter(TracedThread thread, LinearAddress tcs) => Execute(thread, EncluLeaf.Eenter, tcs.Value, Enclu);

    /// <summary>Opens a node; its descriptor or minus an errno.</summary>
    public long Open(string path)
    {
        using var name = new Pinned([.. System.Text.Encoding.ASCII.GetBytes(path), 0]);
        return Call(Thread, SystemCall.Open, name.Address, FileFlags.ReadWrite);
    }

    /// <summary>Opens the device and creates an enclave without pages.</summary>
    public void Create(EnclaveImage image)
    {
        _image = image;
        _descriptor = (int)Open("/dev/sgx_enclave");
        Assert.True(_descriptor >= 0, $"open: {_descriptor}");
        using (var secs = new Pinned(image.Secs()))
        {
            Assert.Equal(0, Ioctl("ENCLAVE_CREATE", new SgxEnclaveCreate { Src = secs.Address }));
        }
    }

    /// <summary>Builds an enclave and maps all of it: its code to be executed, the rest to be written.</summary>
    public void Build(EnclaveImage image)
    {
        Create(image);

        foreach ((int page, SecinfoFlags flags, byte[] contents) in image.Pages())
        {
            var information = new Secinfo(flags);
            using var secinfo = new Pinned(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref information, 1)).ToArray());
            using var source = new Pinned(contents);
            Assert.Equal(0, Ioctl("ENCLAVE_ADD_PAGES", new SgxEnclaveAddPages
            {
                Src = source.Address,
                Offset = (ulong)page * EnclaveImage.Page,
                Length = (ulong)contents.Length,
                Secinfo = secinfo.Address,
                Flags = SgxEnclaveAddPages.Measure,
            }));
        }

        using (var sigstruct = new Pinned(image.Sigstruct()))
        {
            Assert.Equal(0, Ioctl("ENCLAVE_INIT", new SgxEnclaveInit { Sigstruct = sigstruct.Address }));
        }

        const int code = EnclaveImage.CodePage;
        Map(image.At(0), code * EnclaveImage.Page, MemoryProtection.Read | MemoryProtection.Write);
        Map(image.At(code), EnclaveImage.Page, MemoryProtection.Read | MemoryProtection.Execute);
        Map(image.At(code + 1), image.Size - ((code + 1) * EnclaveImage.Page), MemoryProtection.Read | MemoryProtection.Write);
    }

    /// <summary>A thread begins to add pages of zeros; they are worked on by the steps that follow.</summary>
    public void BeginAdding(TracedThread thread, int page, int count)
    {
        var information = new Secinfo(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W);
        var secinfo = new Pinned(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref information, 1)).ToArray());
        var source = new Pinned(new byte[count * 4096]);
        var parameters = new SgxEnclaveAddPages
        {
            Src = source.Address,
            Offset = (ulong)page * EnclaveImage.Page,
            Length = (ulong)count * EnclaveImage.Page,
            Secinfo = secinfo.Address,
        };
        var structure = new Pinned(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref parameters, 1)).ToArray());
        _lent.AddRange([secinfo, source, structure]);
        ref UserRegisters r = ref thread.Registers;
        (r.OrigRax, r.Rdi, r.Rsi, r.Rdx) = (SystemCall.Ioctl, (ulong)_descriptor, CommandOf("ENCLAVE_ADD_PAGES"), structure.Address);
        Platform.Happens(new ProgramEvent(EventKind.SystemCall, thread.Id));
        Tracer.Loop.Step();
    }

    /// <summary>An ioctl on the enclave that was built.</summary>
    public long Ioctl<T>(string name, T parameters)
        where T : unmanaged
    {
        using var structure = new Pinned(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref parameters, 1)).ToArray());
        return Call(Thread, SystemCall.Ioctl, (ulong)_descriptor, CommandOf(name), structure.Address);
    }

    /// <summary>Maps a part of the enclave that was built.</summary>
    public void Map(LinearAddress start, ulong length, int protection) => Assert.Equal((long)start.Value, Call(
        Thread, SystemCall.Mmap, start.Value, length, (ulong)protection, MemoryProtection.Shared | MemoryProtection.FixedNoReplace,
        (ulong)_descriptor, 0));

    /// <summary>The descriptor of the enclave that was built.</summary>
    public int Descriptor => _descriptor;

    /// <summary>Closes the enclave's descriptor.</summary>
    public void Close() => Assert.Equal(0, Call(Thread, SystemCall.Close, (ulong)_descriptor));

    /// <summary>A thread's end is told.</summary>
    public void End(TracedThread thread, int? signal = null)
    {
        Platform.Happens(new ProgramEvent(EventKind.Ended, thread.Id) { ExitStatus = signal is null ? 0 : null, EndedBy = signal });
        Tracer.Loop.Step();
    }

    public void Dispose()
    {
        foreach (EnclaveMapping mapping in Thread.Space.Mappings.All.ToArray())
        {
            _ = TestKernel.Make(SystemCall.Munmap, [mapping.Start, mapping.End - mapping.Start]);
        }

        Tracer.Dispose();
        foreach ((_, Engine.Fast.FastPath path) in Tracer.Fast.All.ToArray())
        {
            path.Dispose();
            _ = TestKernel.Make(SystemCall.Munmap, [Area.Fast, Engine.Stubs.FastLayout.FileLength]);
        }

        _lent.ForEach(lent => lent.Dispose());
        if (_descriptor >= 0)
        {
            HostKernel.Close(_descriptor);
        }
    }

    private uint CommandOf(string name) =>
        IoctlTable.Rows.Single(row => row.Name == "SGX_IOC_" + name && row.Generation == Tracer.Options.Driver.Generation).Command;

    private int Runs(TracedThread thread) =>
        Platform.Log.Count(done => done == $"run {thread.Id}" || done.StartsWith($"run {thread.Id} ", StringComparison.Ordinal));

    // Bytes in whole pages of their own: the driver takes pages from page boundaries only.
    private readonly struct Pinned : IDisposable
    {
        private readonly nint _start;
        private readonly nuint _length;

        public Pinned(byte[] bytes)
        {
            _length = ((nuint)bytes.Length + 4095) & ~(nuint)4095;
            _start = NativeMethods.Mmap(0, _length, MemoryProtection.Read | MemoryProtection.Write, MemoryProtection.Private
                | MemoryProtection.Anonymous, -1, 0);
            Marshal.Copy(bytes, 0, _start, bytes.Length);
        }

        public ulong Address => (ulong)_start;

        public void Dispose() => _ = NativeMethods.Munmap(_start, _length);
    }
}
