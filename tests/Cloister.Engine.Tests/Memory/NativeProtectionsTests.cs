using Cloister.Architecture;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;

namespace Cloister.Engine.Tests.Memory;

public sealed class NativeProtectionsTests : IDisposable
{
    private const int All = MemoryProtection.Read | MemoryProtection.Write | MemoryProtection.Execute;
    private readonly EnclaveFiles _files = new();
    private readonly MappingList _mappings = new();
    private readonly PageTable _pages = new();
    private readonly NativeProtections _protections;

    public NativeProtectionsTests() => _protections = new NativeProtections(_mappings, _pages);

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Neighbours_that_are_alike_take_one_call()
    {
        _mappings.Add(new EnclaveMapping(0x1000, 0x9000, All, _files.Open()));
        Set(NativeAccess.ReadWrite, 0x1000, 0x2000, 0x5000);
        Set(NativeAccess.Read, 0x3000);
        Note(0x2000, 0x1000, 0x3000, 0x4000, 0x5000);

        Assert.Equal([(0x1000, 0x2000, 3), (0x3000, 0x1000, 1), (0x4000, 0x1000, 0), (0x5000, 0x1000, 3)], Calls());
        Assert.True(_protections.IsEmpty);
        Assert.Empty(Calls());
    }

    [Fact]
    public void A_page_has_no_right_that_its_mapping_does_not_have()
    {
        EnclaveFile file = _files.Open();
        _mappings.Add(new EnclaveMapping(0x1000, 0x2000, MemoryProtection.Read, file));
        _mappings.Add(new EnclaveMapping(0x2000, 0x3000, MemoryProtection.Read | MemoryProtection.Execute, file));
        Set(NativeAccess.ReadWrite, 0x1000, 0x2000);
        _pages[0x1000].Executable = _pages[0x2000].Executable = true;
        Note(0x1000, 0x2000);

        Assert.Equal([(0x1000, 0x1000, MemoryProtection.Read), (0x2000, 0x1000, MemoryProtection.Read | MemoryProtection.Execute)],
            Calls());
    }

    [Fact]
    public void What_is_unmapped_since_is_left_alone()
    {
        _mappings.Add(new EnclaveMapping(0x1000, 0x2000, All, _files.Open()));
        Set(NativeAccess.Read, 0x1000, 0x2000, 0x3000);
        Note(0x1000, 0x2000, 0x3000);
        Assert.False(_protections.IsEmpty);

        Assert.Equal([(0x1000, 0x1000, 1)], Calls());
        Assert.True(_protections.IsEmpty);
    }

    [Fact]
    public void All_means_those_that_are_present_and_mapped()
    {
        _mappings.Add(new EnclaveMapping(0x1000, 0x4000, All, _files.Open()));
        Set(NativeAccess.Read, 0x1000, 0x4000);
        Set(NativeAccess.None, 0x2000);
        Set(NativeAccess.ReadWrite, 0x3000);

        Assert.Equal([(0x1000, 0x1000, 1), (0x3000, 0x1000, 3)], Calls(all: true));
    }

    private void Set(NativeAccess access, params ulong[] pages)
    {
        foreach (ulong page in pages)
        {
            ref PageTableEntry entry = ref _pages[page];
            (entry.Page, entry.Native) = (new EpcPage(1), access);
        }
    }

    private void Note(params ulong[] pages) => Array.ForEach(pages, _protections.Note);

    private List<(int Start, int Length, int Protection)> Calls(bool all = false)
    {
        var calls = new RemoteCalls();
        _protections.AddCalls(calls, all);
        Assert.All(calls.All, call => Assert.Equal(SystemCall.Mprotect, call.Number));
        return [.. calls.All.Select(call => ((int)call.Arguments[0], (int)call.Arguments[1], (int)call.Arguments[2]))];
    }
}
