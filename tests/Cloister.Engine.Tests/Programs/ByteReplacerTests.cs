using System.Runtime.InteropServices;
using System.Text;
using Cloister.Engine.Libraries;
using Cloister.Engine.Options;
using Cloister.Engine.Programs;
using Cloister.Engine.Tests.Harness;

namespace Cloister.Engine.Tests.Programs;

/// <summary>Bytes of a shared library in this process: its name of a socket stands in its code.</summary>
public sealed class ByteReplacerTests : IDisposable
{
    private const string Original = "bytes-that-nobody-else-has", Replacement = "other-bytes-in-their-place";
    private readonly OwnThread _own = new();
    private readonly string _file = Path.GetTempFileName();
    private readonly List<string> _notices = [];
    private readonly byte[] _image = LibraryImage.Build(new ServedLibrary(["libreplaced.so"], ["function"], 0, 0, Original));
    private readonly nint _library;

    public ByteReplacerTests()
    {
        File.WriteAllBytes(_file, _image);
        _library = NativeLibrary.Load(_file);
    }

    public void Dispose()
    {
        NativeLibrary.Free(_library);
        File.Delete(_file);
        _own.Dispose();
    }

    [Fact]
    public void They_are_replaced_in_memory_and_not_in_the_file()
    {
        Replacer().Mapped(_own.Thread, Address);
        Assert.Equal(1, Count(Replacement));
        Assert.Equal(0, Count(Original));
        Assert.Equal([$"{_file}: it was done"], _notices);
        Assert.Equal(_image, File.ReadAllBytes(_file));
    }

    [Fact]
    public void A_program_with_others_rights_keeps_them()
    {
        _own.Space.KeepsBytes = true;
        Replacer().Mapped(_own.Thread, Address);
        Assert.Equal((1, 0), (Count(Original), Count(Replacement)));
        Assert.Contains("keeps its own", Assert.Single(_notices), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_file_is_left_alone()
    {
        nint memory = Marshal.AllocHGlobal(4096);
        Marshal.Copy(Encoding.ASCII.GetBytes(Original), 0, memory, Original.Length);
        Replacer().Mapped(_own.Thread, (ulong)memory);
        Assert.Equal((byte)Original[0], Marshal.ReadByte(memory));
        Marshal.FreeHGlobal(memory);
        Assert.Empty(_notices);
    }

    private ulong Address => (ulong)NativeLibrary.GetExport(_library, "function");

    private ByteReplacer Replacer() =>
        new([new ReplacedBytes(Encoding.ASCII.GetBytes(Original), Encoding.ASCII.GetBytes(Replacement), "it was done")], _notices.Add);

    private int Count(string text)
    {
        byte[] code = new byte[0x1000];
        Marshal.Copy((nint)(Address & ~0xffful), code, 0, code.Length);
        return code.AsSpan().Count(Encoding.ASCII.GetBytes(text));
    }
}
