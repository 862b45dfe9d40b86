using Cloister.Engine.Memory;
using Cloister.Engine.Options;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Harness;

/// <summary>An EPC and open device files in it, without a program.</summary>
internal sealed class EnclaveFiles : IDisposable
{
    private readonly List<EnclaveFile> _files = [];

    public EpcMemory Memory { get; } = new(16);

    public EnclaveFile Open(DeviceNode node = DeviceNode.VirtualEpc)
    {
        using MappedFile memfd = MappedFile.Create("device", 64 * 4096);
        var file = new EnclaveFile(Memory, HostKernel.OpenAgain(memfd.Descriptor), node);
        _files.Add(file);
        return file;
    }

    public void Dispose()
    {
        _files.ForEach(file => file.Dispose());
        Memory.Dispose();
    }
}
