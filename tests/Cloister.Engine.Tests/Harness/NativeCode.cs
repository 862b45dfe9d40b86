using Cloister.Linux;
using Cloister.Linux.Tests.Harness;
using Iced.Intel;

namespace Cloister.Engine.Tests.Harness;

/// <summary>Machine code that this process executes itself.</summary>
internal sealed class NativeCode : IDisposable
{
    private readonly int _pages;

    public NativeCode(byte[] code)
    {
        _pages = (code.Length + 4095) / 4096;
        Address = OwnMemory.Map(_pages);
        using var memory = new RemoteMemory(Environment.ProcessId);
        Assert.True(memory.TryWrite(Address, code));
        OwnMemory.Protect(Address, _pages, MemoryProtection.Read | MemoryProtection.Execute);
    }

    public ulong Address { get; }

    public static byte[] Assemble(Action<Assembler> emit, ulong address = 0)
    {
        var assembler = new Assembler(64);
        emit(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), address);
        return stream.ToArray();
    }

    public void Dispose() => OwnMemory.Unmap(Address, _pages);
}
