using System.Buffers.Binary;
using System.Text;
using Cloister.Engine.Instructions;
using Cloister.Engine.Options;
using Cloister.Engine.SystemCalls;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;
using Cloister.Processor;

namespace Cloister.Engine.Tests.SystemCalls;

/// <summary><see cref="UntracedCalls"/>, its <see cref="UntracedAnswer"/>s of each <see cref="UntracedKind"/>, and <see cref="KernelFiles"/>:
/// the thread that asks is this one.</summary>
public sealed class UntracedCallsTests : IDisposable
{
    private const ulong Here = unchecked((ulong)-100L); // AT_FDCWD
    private readonly ulong _memory = OwnMemory.Map(2);
    private readonly UntracedCalls _calls;
    private bool _isHeld;

    public UntracedCallsTests()
    {
        var options = new EngineOptions
        {
            Sockets = [new ServedSocket(["/run/aesm.socket"], ["aesm"], () => throw new InvalidOperationException("asked"))],
            Files = [new ServedFile("/etc/enclave", () => throw new InvalidOperationException("asked"))],
        };
        _calls = new UntracedCalls(options, 16, new CpuidEmulator(new MachineOptions().Capabilities, []), _ => _isHeld);
    }

    private static int Thread => HostKernel.CurrentThread;

    public void Dispose() => OwnMemory.Unmap(_memory, 2);

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("relative")]
    [InlineData("")]
    [InlineData("/proc/self/fd/1")]
    [InlineData("/tmp/libnothing-there.so.1")]
    [InlineData("/home/sgx/file")]
    public void Most_files_are_nothing_to_it(string path)
    {
        Assert.Equal(UntracedAnswer.Pass, _calls.Of(new SeccompCall(Thread, (int)SystemCall.Openat, Here, Put(path))));
        Assert.Equal(UntracedAnswer.Pass, _calls.Of(new SeccompCall(Thread, (int)SystemCall.Stat, Put(path), Put("", 4096))));
    }

    [Fact]
    public void Who_opens_the_device_must_be_held()
    {
        Assert.Equal(UntracedAnswer.Hold, _calls.Of(new SeccompCall(Thread, (int)SystemCall.Openat, Here, Put("/dev/sgx_enclave"))));
        Assert.Equal(UntracedAnswer.Hold, _calls.Of(new SeccompCall(Thread, (int)SystemCall.Open, Put("/dev/../dev/sgx_provision"))));
    }

    [Fact]
    public void Who_only_looks_at_it_need_not()
    {
        UntracedAnswer answer = _calls.Of(new SeccompCall(Thread, (int)SystemCall.Stat, Put("/dev/sgx_enclave"), _memory + 4096));
        Assert.Equal(UntracedAnswer.Made(0), answer);
        Span<byte> stat = stackalloc byte[144];
        Assert.Equal(stat.Length, ForeignMemory.Read(Thread, _memory + 4096, stat));
        Assert.Equal(0x2000u, BinaryPrimitives.ReadUInt32LittleEndian(stat[24..]) & 0xf000); // S_IFCHR
        Assert.Equal(UntracedAnswer.Made(-(long)Errno.EFAULT),
            _calls.Of(new SeccompCall(Thread, (int)SystemCall.Newfstatat, Here, _memory, 8)));
        Assert.Equal(UntracedAnswer.Made(0), _calls.Of(new SeccompCall(Thread, (int)SystemCall.Access, _memory, 6)));
        Assert.Equal(UntracedAnswer.Made(-(long)Errno.EACCES),
            _calls.Of(new SeccompCall(Thread, (int)SystemCall.Faccessat2, Here, _memory, 1)));
        Assert.Equal(UntracedKind.Result, _calls.Of(new SeccompCall(Thread, (int)SystemCall.Statx, Here, _memory)).Kind);
    }

    [Fact]
    public void The_kernels_files_tell_of_SGX()
    {
        UntracedAnswer info = _calls.Of(new SeccompCall(Thread, (int)SystemCall.Openat, Here, Put("/proc/cpuinfo"), FileFlags.CloseOnExec));
        Assert.Equal((UntracedKind.File, true), (info.Kind, info.ClosesOnExec));
        Assert.Contains(" sgx ", Encoding.ASCII.GetString(info.Contents!));
        UntracedAnswer size =
            _calls.Of(new SeccompCall(Thread, (int)SystemCall.Open, Put("/sys/devices/system/node/node0/x86/sgx_total_bytes")));
        Assert.Equal((UntracedKind.File, "65536\n", false), (size.Kind, Encoding.ASCII.GetString(size.Contents!), size.ClosesOnExec));
        Assert.Equal(UntracedAnswer.Made(0), _calls.Of(new SeccompCall(Thread, (int)SystemCall.Access, _memory)));
        Assert.True(KernelFiles.IsSgxSize("/sys/devices/system/node/node0/x86/sgx_total_bytes"));
    }

    [Fact]
    public void What_is_served_the_tracer_serves()
    {
        Assert.Equal(UntracedAnswer.Hold, _calls.Of(new SeccompCall(Thread, (int)SystemCall.Openat, Here, Put("/etc/enclave"))));
        Assert.Equal(UntracedAnswer.Hold, _calls.Of(new SeccompCall(Thread, (int)SystemCall.Stat, Put("/run/aesm.socket"))));
        Assert.Equal(UntracedAnswer.Hold, _calls.Of(Connect("\u0001\0/run/aesm.socket\0")));
        Assert.Equal(UntracedAnswer.Hold, _calls.Of(Connect("\u0001\0\0aesm")));
        Assert.Equal(UntracedAnswer.Pass, _calls.Of(Connect("\u0001\0/run/other.socket\0")));
        Assert.Equal(UntracedAnswer.Pass, _calls.Of(Connect("\u000a\0\0aesm")));
        Assert.Equal(UntracedAnswer.Pass, _calls.Of(new SeccompCall(Thread, (int)SystemCall.Connect, 3, 8, 20)));
    }

    [Fact]
    public void A_descriptors_link_may_be_the_devices_where_it_can_be_open()
    {
        _isHeld = true;
        Assert.Equal(UntracedAnswer.Hold, _calls.Of(new SeccompCall(Thread, (int)SystemCall.Openat, Here, Put("/proc/self/fd/1"))));
    }

    [Fact]
    public void Who_executes_or_loads_a_file_that_speaks_of_SGX_must_be_held()
    {
        string file = Path.Combine(Path.GetTempPath(), $"cloister-test-{Guid.NewGuid():N}.so"), script = file + ".sh";
        File.WriteAllBytes(file, [.. "\u007fELF /dev/sgx_enclave"u8]);
        File.WriteAllText(script, $"#!{file} x\n");
        try
        {
            foreach (string executed in new[] { file, script, Path.GetRelativePath(Environment.CurrentDirectory, file) })
            {
                Assert.Equal(UntracedAnswer.HoldAndPass, _calls.Of(new SeccompCall(Thread, (int)SystemCall.Execve, Put(executed))));
                Assert.Equal(UntracedAnswer.HoldAndPass, _calls.Of(new SeccompCall(Thread, (int)SystemCall.Execveat, Here, _memory)));
            }

            Assert.Equal(UntracedAnswer.Hold, _calls.Of(new SeccompCall(Thread, (int)SystemCall.Openat, Here, Put(file))));
            Assert.Equal(UntracedAnswer.Pass, _calls.Of(new SeccompCall(Thread, (int)SystemCall.Stat, Put(file), _memory + 4096)));
            _isHeld = true;
            Assert.Equal(UntracedAnswer.Pass, _calls.Of(new SeccompCall(Thread, (int)SystemCall.Execve, Put(file))));
            Assert.Equal(UntracedAnswer.Pass, _calls.Of(new SeccompCall(Thread, (int)SystemCall.Openat, Here, Put(file))));
        }
        finally
        {
            File.Delete(file);
            File.Delete(script);
        }
    }

    [Theory]
    [InlineData("/bin/sh")]
    [InlineData("/no/such/file")]
    [InlineData("")]
    public void Others_need_not(string file)
    {
        Assert.Equal(UntracedAnswer.Pass, _calls.Of(new SeccompCall(Thread, (int)SystemCall.Execve, Put(file))));
        Assert.False(_calls.Speaks(Thread, "cwd", file));
    }

    private SeccompCall Connect(string address)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(address);
        return new SeccompCall(Thread, (int)SystemCall.Connect, 3, Put(address), (ulong)bytes.Length);
    }

    private ulong Put(string text, ulong offset = 0)
    {
        Assert.True(ForeignMemory.TryWrite(Thread, _memory + offset, [.. Encoding.Latin1.GetBytes(text), 0]));
        return _memory + offset;
    }
}
