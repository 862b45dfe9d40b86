using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Observers;
using Cloister.Engine.SystemCalls;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Engine.Tests.SystemCalls;

/// <summary><see cref="MappingCalls"/>, heard by whoever observes (<see cref="Observation"/>).</summary>
[Collection(ScenarioCollection.Name)]
public sealed class MappingCallsTests : IDisposable
{
    private const int ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private readonly TestEngine _engine = new();
    private readonly EnclaveImage _image = new();
    private readonly Listener _heard = new();

    public void Dispose() => _engine.Dispose();

    private ulong At(int page) => _image.At(page).Value;

    [Fact]
    public void Calls_on_the_device_are_told_with_their_results_when_they_have_ended()
    {
        _engine.Build(_image);
        ulong eid = _engine.Thread.Space.Mappings.Find(At(0))!.File.Enclave!.Eid;
        _engine.Tracer.Observer = _heard;
        Assert.Equal(-(long)Errno.EACCES, Call(SystemCall.Mprotect, At(EnclaveImage.CodePage), 4096, ReadWrite));
        Assert.Equal(0, Call(SystemCall.Mprotect, At(EnclaveImage.DataPage), 4096, MemoryProtection.Read));
        Assert.Equal(0, Call(SystemCall.Munmap, At(EnclaveImage.DataPage), 4096));
        Assert.Empty(_engine.Thread.Space.Unmappings);
        _engine.Map(_image.At(EnclaveImage.DataPage), 4096, ReadWrite);

        Assert.Equal(
            [
                (new MappingCall("mprotect", At(EnclaveImage.CodePage), 4096, ReadWrite, eid), -(long)Errno.EACCES),
                (new MappingCall("mprotect", At(EnclaveImage.DataPage), 4096, MemoryProtection.Read, eid), 0),
                (new MappingCall("munmap", At(EnclaveImage.DataPage), 4096, 0, eid), 0),
                (new MappingCall("mmap", At(EnclaveImage.DataPage), 4096, ReadWrite, eid), (long)At(EnclaveImage.DataPage)),
            ], _heard.Mappings);
    }

    [Fact]
    public void Memory_that_is_not_the_devices_is_nobodys_business()
    {
        ulong own = OwnMemory.Map(1);
        _engine.Build(_image);
        _engine.Tracer.Observer = _heard;
        Assert.Equal(0, Call(SystemCall.Mprotect, own, 4096, MemoryProtection.Read));
        Assert.Equal(0, Call(SystemCall.Munmap, own, 4096));
        _ = Call(SystemCall.Munmap, 4096, ulong.MaxValue);

        Assert.Equal((long)-(int)Errno.EINVAL, Assert.Single(_heard.Mappings).Result);
    }

    [Fact]
    public void Who_opens_what_is_told_before()
    {
        _engine.Tracer.Observer = _heard;
        HostKernel.Close((int)_engine.Open("/dev/sgx_enclave"));
        HostKernel.Close((int)_engine.Open("/dev/null"));

        Assert.Equal(["/dev/sgx_enclave", "/dev/null"], _heard.Files);
    }

    [Fact]
    public void Only_who_observes_now_hears()
    {
        _engine.Tracer.Observer = _heard;
        HostKernel.Close((int)_engine.Open("/dev/null"));
        _engine.Tracer.Observer = IEngineObserver.Silent;
        HostKernel.Close((int)_engine.Open("/dev/zero"));
        _engine.Thread.Registers.OrigRax = SystemCall.Munmap;

        Assert.Equal(["/dev/null"], _heard.Files);
        Assert.Null(MappingCalls.Of(new Observation().Observer, _engine.Tracer.Files, _engine.Thread));
    }

    private long Call(long number, params ulong[] arguments) => _engine.Call(_engine.Thread, number, arguments);

    private sealed class Listener : IEngineObserver
    {
        public List<(MappingCall Call, long Result)> Mappings { get; } = [];

        public List<string> Files { get; } = [];

        public void MappingCalled(IObservedThread thread, in MappingCall mapping, long result) => Mappings.Add((mapping, result));

        public void FileOpening(IObservedThread thread, string path) => Files.Add(path);
    }
}
