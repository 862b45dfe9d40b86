using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Engine.Libraries;
using Cloister.Engine.Options;
using Cloister.Engine.Tests.Harness;
using LibObjectFile.Diagnostics;
using LibObjectFile.Elf;

namespace Cloister.Engine.Tests.Libraries;

/// <summary>
/// The image as this process's own dynamic linker loads it, and its functions as a program calls them, with both ends in one process.
/// </summary>
public sealed class LibraryImageTests : IDisposable
{
    private const int Nobody = 0x1234567;
    private readonly string _socket = $"cloister-test-{Convert.ToHexString(RandomNumberGenerator.GetBytes(8))}";
    private readonly string _file = Path.GetTempFileName();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly List<nint> _memory = [];

    private delegate ulong Function(nuint a, nuint b, nuint c, nuint d, nuint e, nuint f);

    public void Dispose()
    {
        _listener.Dispose();
        File.Delete(_file);
        _memory.ForEach(Marshal.FreeHGlobal);
    }

    [Fact]
    public void A_dynamic_linker_finds_what_it_needs()
    {
        byte[] image = Image(0);
        var elf = new ElfImage(image);
        Assert.Equal("libtest.so.1", elf.String(elf.Dynamic(14)));
        Assert.NotNull(elf.Lookup("first"));
        Assert.NotNull(elf.Lookup("second"));
        Assert.Null(elf.Lookup("third"));

        // PT_LOAD: code that cannot be written, and a page for the dynamic linker that cannot be executed.
        // PT_GNU_STACK: no executable stack.
        Assert.Equal([5u, 6u], elf.Segments.Where(segment => segment.Type == 1).Select(segment => segment.Flags));
        Assert.Equal(6u, elf.Segments.Single(segment => segment.Type == 0x6474e551).Flags);
        Assert.True(ElfFile.TryRead(new MemoryStream(image), out ElfFile? file, out DiagnosticBag? diagnostics),
            string.Join("; ", diagnostics?.Messages ?? []));
        var verified = new DiagnosticBag();
        file!.Verify(verified);
        Assert.False(verified.HasErrors, string.Join("; ", verified.Messages));
    }

    [Fact]
    public async Task A_function_sends_its_arguments_and_does_what_it_is_told()
    {
        Listen();
        nint source = Memory([1, 2, 3, 4]), target = Memory(new byte[70000]);
        byte[] bytes = RandomNumberGenerator.GetBytes(70000);
        Task<ulong> called = Task.Run(() => Load(40, "second")((nuint)source, 2, 3, 4, 5, (nuint)target));
        using Stream stream = new NetworkStream(await _listener.AcceptAsync());
        ForwardedCall call = await ForwardedCall.Accept(stream, default);
        Assert.Equal(41ul, call.Function);
        Assert.Equal([(ulong)source, 2, 3, 4, 5, (ulong)target], call.Arguments);
        Assert.Equal([1, 2, 3, 4], await call.Read(call.Arguments[0], 4));
        await call.Write(call.Arguments[5], bytes);
        ulong made = (await call.Allocate(5000))!.Value;
        Assert.Equal(0ul, made & 0xfff);
        await call.Write(made, bytes.AsMemory(0, 5000));
        Assert.Equal(bytes[..5000], await call.Read(made, 5000));
        await call.Free(made, 5000);
        await call.End(0xfedcba9876543210);
        Assert.Equal(0xfedcba9876543210, await called);
        byte[] copied = new byte[bytes.Length];
        Marshal.Copy(target, copied, 0, copied.Length);
        Assert.Equal(bytes, copied);
    }

    [Fact]
    public void Where_nobody_listens_it_says_so() => Assert.Equal((ulong)Nobody, Load(0, "first")(0, 0, 0, 0, 0, 0));

    [Theory]
    [InlineData(0)]
    [InlineData(ForwardedCall.CommandLength - 1)]
    public async Task Where_the_other_end_goes_it_says_so(int lastWords)
    {
        Listen();
        Task<ulong> called = Task.Run(() => Load(0, "first")(0, 0, 0, 0, 0, 0));
        using (Socket socket = await _listener.AcceptAsync())
        {
            await socket.SendAsync(new byte[lastWords]);
        }

        Assert.Equal((ulong)Nobody, await called);
    }

    [Fact]
    public async Task Memory_that_is_not_there_ends_the_call()
    {
        Listen();
        Task<ulong> called = Task.Run(() => Load(0, "first")(16, 0, 0, 0, 0, 0));
        using Stream stream = new NetworkStream(await _listener.AcceptAsync());
        ForwardedCall call = await ForwardedCall.Accept(stream, default);
        await Assert.ThrowsAsync<EndOfStreamException>(() => call.Read(call.Arguments[0], 8));
        Assert.Equal((ulong)Nobody, await called);
    }

    private byte[] Image(int first) =>
        LibraryImage.Build(new ServedLibrary(["libtest.so.1", "libtest.so"], ["first", "second"], first, Nobody, _socket));

    private Function Load(int first, string name)
    {
        File.WriteAllBytes(_file, Image(first));
        return Marshal.GetDelegateForFunctionPointer<Function>(NativeLibrary.GetExport(NativeLibrary.Load(_file), name));
    }

    private void Listen()
    {
        _listener.Bind(new UnixDomainSocketEndPoint("\0" + _socket));
        _listener.Listen();
    }

    private nint Memory(byte[] bytes)
    {
        nint at = Marshal.AllocHGlobal(bytes.Length);
        Marshal.Copy(bytes, 0, at, bytes.Length);
        _memory.Add(at);
        return at;
    }
}
