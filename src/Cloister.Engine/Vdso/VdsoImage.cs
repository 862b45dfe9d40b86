using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cloister.Engine.Platforms;
using Cloister.Engine.Stubs;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Cloister.Engine.Vdso;

/// <summary>An ELF image that stands in for the kernel's vDSO: its functions, forwarded, and <c>__vdso_sgx_enter_enclave</c>.</summary>
/// <remarks><see cref="ElfHeaders"/> has what libc, Go and the kernel's self tests find the functions by.</remarks>
internal sealed class VdsoImage
{
    private const int TextOffset = 0xd40, ThunkLength = 16;

    // Room for all components: processors touch the part of one that is in its initial configuration as well.
    private const int InitialStateOffset = Area.VdsoLength - ElfHeaders.SectionHeadersLength - 0xac0;

    private readonly bool _fast, _switchesView;

    private VdsoImage(byte[] bytes, ulong enter, bool fast, bool switchesView)
    {
        Bytes = bytes;
        Enter = enter;
        (_fast, _switchesView) = (fast, switchesView);
    }

    /// <summary>The image, to be mapped at <see cref="Area.Vdso"/>. The function is UD2 until it is called; then
    /// <see cref="WriteFunction"/>.</summary>
    /// <remarks>Most programs never call it, and every program would wait for the assembler.</remarks>
    public byte[] Bytes { get; }

    /// <summary>Address of <c>__vdso_sgx_enter_enclave</c>.</summary>
    public ulong Enter { get; }

    /// <summary>Address of its one ENCLU, which is EENTER and ERESUME; null until the function is written.</summary>
    public ulong? Enclu { get; private set; }

    /// <summary>Whether an exception at an address is one of the enclave's or of its ENCLU's, which is its
    /// asynchronous exit pointer.</summary>
    public bool Fixes(ulong rip) => rip == Enclu;

    /// <summary>Where a thread goes on that is at an address: at the ENCLU it need not stop, but handlers of signals
    /// have to find it there.</summary>
    public ulong Continuation(ulong rip) => rip == Enclu && Stub is { } stub ? stub.Start : rip;

    /// <summary>Where an exception at <see cref="Enclu"/> goes on, with DI, SI and DX telling trap number, error code
    /// and address.</summary>
    public ulong HandleException { get; private set; }

    /// <summary>Comes before <see cref="HandleException"/> where the program itself is to put components of the
    /// extended state into their initial configuration: EAX and EDX name them, R9 and R10 are what they shall be then, R11 is
    /// <see cref="InitialState"/>. 0 where it cannot.</summary>
    public ulong InitializesState { get; private set; }

    /// <summary>Behind that instruction.</summary>
    public ulong StateInitialized { get; private set; }

    /// <summary>Address of an XSAVE area in which no component is in use.</summary>
    public static ulong InitialState => Area.Vdso + InitialStateOffset;

    /// <summary>Its fast path, where there is one and the function is written.</summary>
    public EnterStubAddresses? Stub { get; private set; }

    /// <summary>Builds the image; <paramref name="kernelFunctions"/> are the kernel's own symbols with their
    /// addresses in this process.</summary>
    public static VdsoImage Build(List<VdsoSymbol> kernelFunctions, bool fast, bool switchesView = false)
    {
        byte[] image = new byte[Area.VdsoLength];
        ulong enter = Area.Vdso + TextOffset + (ulong)(kernelFunctions.Count * ThunkLength);
        var symbols = new List<VdsoSymbol> { new("__vdso_sgx_enter_enclave", enter - Area.Vdso) };
        for (int i = 0; i < kernelFunctions.Count; i++)
        {
            int at = TextOffset + i * ThunkLength;
            ReadOnlySpan<byte> jump = [0xff, 0x25, 2, 0, 0, 0, 0x0f, 0x0b]; // jmp [rip+2]; ud2; what lies there
            jump.CopyTo(image.AsSpan(at));
            BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(at + jump.Length), kernelFunctions[i].Address);
            symbols.Add(new VdsoSymbol(kernelFunctions[i].Name, (ulong)at));
        }

        ReadOnlySpan<byte> ud2 = [0x0f, 0x0b];
        ud2.CopyTo(image.AsSpan((int)(enter - Area.Vdso)));

        // FCW and MXCSR as FINIT and RESET leave them. SDM 3D, "Synthetic State".
        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(InitialStateOffset), 0x37f);
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(InitialStateOffset + 24), 0x1f80);
        ElfHeaders.Write(image, symbols, new Range(TextOffset, InitialStateOffset), "linux-vdso.so.1", "LINUX_2.6", writablePage: null,
            framed: (int)(enter - Area.Vdso));
        return new VdsoImage(image, enter, fast, switchesView);
    }

    /// <summary>Writes the function into the image, at its first call; the thread that stopped at <see cref="Enter"/>
    /// can run on there.</summary>
    /// <param name="image">The image as it is mapped. Threads may be running in it.</param>
    public void WriteFunction(Span<byte> image)
    {
        if (Enclu is not null)
        {
            return;
        }

        EnterStub? stub = _fast ? new EnterStub(_switchesView) : null;
        var a = new Assembler(64);
        Label enclu = a.CreateLabel(), exception = a.CreateLabel(), initialize = a.CreateLabel(), initialized = a.CreateLabel();
        EnterEnclaveFunction.Emit(a, stub, ref enclu, ref exception);
        if (stub is not null)
        {
            a.Label(ref initialize);
            a.xrstor64(__[r11]);
            a.Label(ref initialized);
            a.mov(eax, r9d);
            a.mov(rdx, r10);
            a.xor(r9d, r9d);
            a.xor(r10d, r10d);
            a.xor(r11d, r11d);
            a.jmp(exception);
        }

        using var text = new MemoryStream();
        AssemblerResult result = a.Assemble(new StreamCodeWriter(text), Enter, BlockEncoderOptions.ReturnNewInstructionOffsets);
        HandleException = result.GetLabelRIP(exception);
        Stub = stub?.Addresses(result);
        InitializesState = stub is null ? 0 : result.GetLabelRIP(initialize);
        StateInitialized = stub is null ? 0 : result.GetLabelRIP(initialized);
        Enclu = result.GetLabelRIP(enclu);

        // The UD2 at the beginning goes last: a thread that finds it still stops and is sent back.
        ReadOnlySpan<byte> code = text.ToArray();
        Span<byte> function = image[(int)(Enter - Area.Vdso)..InitialStateOffset];
        const int ud2Length = 2;
        code[ud2Length..].CopyTo(function[ud2Length..]);
        Volatile.Write(ref MemoryMarshal.AsRef<ushort>(function), MemoryMarshal.Read<ushort>(code));
    }
}
