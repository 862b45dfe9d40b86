using Cloister.Driver.Tests.Harness;
using Cloister.Engine.Devices;
using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Engine.Platforms;
using Cloister.Engine.Tests.Enclaves;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Devices;

[Collection(ScenarioCollection.Name)]
public sealed class DeviceMappingsTests : IDisposable
{
    private const int All = MemoryProtection.Read | MemoryProtection.Write | MemoryProtection.Execute;
    private readonly TestEngine _engine = new();
    private readonly EnclaveFiles _files = new();
    private readonly OwnThread _own = new();

    public void Dispose()
    {
        _own.Dispose();
        _files.Dispose();
        _engine.Dispose();
    }

    private List<RemoteCall> Calls => ((TestThread)_own.Thread.Held).Calls;

    private DeviceMappings Mappings => new(_engine.Tracer.Driver, _engine.Tracer.Files, _engine.Platform, PresenceMode.Mprotect, _ => { });

    [Fact]
    public void One_that_begins_has_no_page_and_the_programs_rights_but_for_execution()
    {
        const ulong dontNeed = 4;
        DeviceMappings.Begin(_own.Thread, New());

        Assert.Equal([(SystemCall.Madvise, 0x1000UL, 0x2000UL, dontNeed), (SystemCall.Mprotect, 0x1000UL, 0x2000UL, 3UL)], Made());
    }

    [Fact]
    public void One_that_is_hidden_has_no_right()
    {
        _own.Space.HidesEnclaves = true;
        DeviceMappings.Begin(_own.Thread, New());

        Assert.Equal((SystemCall.Mprotect, 0x1000UL, 0x2000UL, (ulong)MemoryProtection.None), Made()[^1]);
        Assert.Equal(2, Calls.Count);
    }

    [Fact]
    public void Where_protections_make_presence_they_are_not_the_programs()
    {
        _own.Space.Native.ByProtection = true;
        DeviceMappings.Begin(_own.Thread, New());
        Assert.Empty(Calls);

        Assert.Equal(Errno.None, Mappings.TryWatch(_own.Thread, 0x1000, 0x2000));
        Assert.Equal([(SystemCall.Mprotect, 0x1000UL, 0x2000UL, (ulong)MemoryProtection.None)], Made());
    }

    [Fact]
    public void What_is_forgotten_the_driver_forgets_and_the_last_of_a_file_is_its_end()
    {
        var image = new EnclaveImage();
        _engine.Build(image);
        AddressSpace space = _engine.Thread.Space;
        EnclaveFile file = space.Mappings.Find(image.At(0).Value)!.File;
        Mappings.Forget(_engine.Thread, image.Base, 0);
        Assert.NotNull(space.Mappings.Find(image.At(0).Value));
        _ = TestKernel.Make(SystemCall.Munmap, [image.Base, image.Size]);
        HostKernel.Close(_engine.Descriptor);
        Mappings.Forget(_engine.Thread, image.Base, image.Size);

        Assert.Empty(space.Mappings.All);
        Assert.True(file.IsReleased);
        Mappings.TellDriver(space, file, image.Base, image.Base + image.Size);
    }

    private EnclaveMapping New() => new(0x1000, 0x3000, All, _files.Open());

    private List<(long, ulong, ulong, ulong)> Made() =>
        [.. Calls.Select(call => (call.Number, call.Arguments[0], call.Arguments[1], call.Arguments[2]))];
}
