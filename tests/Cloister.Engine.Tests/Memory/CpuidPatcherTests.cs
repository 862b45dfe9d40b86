using Cloister.Engine.Memory;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Linux.Tests.Harness;

namespace Cloister.Engine.Tests.Memory;

public sealed class CpuidPatcherTests : IDisposable
{
    // MOV EAX, 1; CPUID; RET; MOV EAX, A20F0000H; RET: its last bytes are no instruction.
    private static readonly byte[] s_code = [0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0xc3, 0xb8, 0, 0, 0x0f, 0xa2, 0xc3];
    private const int Site = 5, NoSite = 11, Length = 4096;
    private readonly OwnThread _own = new();
    private readonly string _file = Path.GetTempFileName();

    public void Dispose()
    {
        File.Delete(_file);
        _own.Dispose();
    }

    [Fact]
    public void What_a_program_wrote_is_replaced_where_it_is_an_instruction()
    {
        ulong memory = Written();
        CpuidPatcher.PatchAnonymous(_own.Space, memory, Length);

        Assert.Equal([memory + Site], _own.Space.CpuidSites);
        Assert.Equal([0xf4, 0xa2], Bytes(memory + Site));
        Assert.Equal([0x0f, 0xa2], Bytes(memory + NoSite));
        OwnMemory.Unmap(memory, 1);
    }

    [Fact]
    public void Where_CPUID_faults_code_stays_as_it_is()
    {
        _own.Space.CpuidFaults = true;
        ulong memory = Written();
        CpuidPatcher.PatchAnonymous(_own.Space, memory, Length);
        CpuidPatcher.PatchFile(_own.Space, memory, Length, _file, 0);

        Assert.Empty(_own.Space.CpuidSites);
        Assert.Equal([0x0f, 0xa2], Bytes(memory + Site));
        OwnMemory.Unmap(memory, 1);
    }

    [Fact]
    public void A_files_sites_are_known_from_then_on_wherever_it_is_mapped()
    {
        File.WriteAllBytes(_file, [.. s_code, .. new byte[Length - s_code.Length]]);
        ulong first = Written(), second = Written();
        CpuidPatcher.PatchFile(_own.Space, first, Length, _file, 0);
        CpuidPatcher.PatchFile(_own.Space, second, Length, _file, 0);

        Assert.Equal([first + Site, second + Site], _own.Space.CpuidSites);
        Assert.Equal([0xf4, 0xa2], Bytes(second + Site));
        OwnMemory.Unmap(first, 1);
        OwnMemory.Unmap(second, 1);
    }

    [Fact]
    public void A_file_that_was_written_anew_is_looked_at_anew()
    {
        File.WriteAllBytes(_file, new byte[Length]);
        ulong first = OwnMemory.Map(1), second = Written();
        CpuidPatcher.PatchFile(_own.Space, first, Length, _file, 0);
        Assert.Empty(_own.Space.CpuidSites);
        File.WriteAllBytes(_file, [.. s_code, .. new byte[Length]]);
        CpuidPatcher.PatchFile(_own.Space, second, Length, _file, 0);

        Assert.Equal([second + Site], _own.Space.CpuidSites);
        OwnMemory.Unmap(first, 1);
        OwnMemory.Unmap(second, 1);
    }

    [Fact]
    public void What_cannot_be_opened_is_left_alone()
    {
        ulong memory = Written();
        CpuidPatcher.PatchFile(_own.Space, memory, Length, _file + ".none", 0);

        Assert.Empty(_own.Space.CpuidSites);
        OwnMemory.Unmap(memory, 1);
    }

    // As code of a program is, which nobody executes here.
    private ulong Written()
    {
        ulong memory = OwnMemory.Map(1);
        Assert.True(_own.Space.Memory.TryWrite(memory, s_code));
        OwnMemory.Protect(memory, 1, MemoryProtection.Read | MemoryProtection.Execute);
        return memory;
    }

    private byte[] Bytes(ulong address)
    {
        byte[] bytes = new byte[2];
        Assert.True(_own.Space.Memory.TryRead(address, bytes));
        return bytes;
    }
}
