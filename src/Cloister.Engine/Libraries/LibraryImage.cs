using System.Text;
using Cloister.Engine.Options;
using Cloister.Engine.Vdso;
using Cloister.Linux;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Cloister.Engine.Libraries;

/// <summary>
/// The ELF image of a <see cref="ServedLibrary"/>. Its functions connect to a socket, send their number and arguments, and do what
/// <see cref="ForwardedCall"/> tells them. They need nothing of a libc and keep nothing, so that any thread may call
/// them, and a child after fork.
/// </summary>
internal static class LibraryImage
{
    private const int TextOffset = 0x1000, DataOffset = 0x2000, Length = 0x3000;
    private const long Interrupted = -4; // -EINTR

    /// <summary>Builds it.</summary>
    public static byte[] Build(ServedLibrary library)
    {
        byte[] image = new byte[Length];
        var symbols = new List<VdsoSymbol>();
        var a = new Assembler(64);
        Label[] functions = [.. library.Functions.Select(_ => a.CreateLabel())];
        Label common = a.CreateLabel();
        for (int i = 0; i < functions.Length; i++)
        {
            a.Label(ref functions[i]);
            a.endbr64();
            a.mov(eax, library.First + i);
            a.jmp(common);
        }

        a.Label(ref common);
        EmitCall(a, library);
        using var text = new MemoryStream();
        AssemblerResult result = a.Assemble(new StreamCodeWriter(text), TextOffset, BlockEncoderOptions.ReturnNewInstructionOffsets);
        text.ToArray().CopyTo(image.AsSpan(TextOffset, DataOffset - TextOffset));
        for (int i = 0; i < functions.Length; i++)
        {
            symbols.Add(new VdsoSymbol(library.Functions[i], result.GetLabelRIP(functions[i])));
        }

        ElfHeaders.Write(image, symbols, new Range(TextOffset, TextOffset + (int)text.Length), library.Names[0], version: null,
            writablePage: DataOffset);
        return image;
    }

    // A function with a frame. RBX is the socket; at RSP are the request and, behind it, the command.
    private static void EmitCall(Assembler a, ServedLibrary library)
    {
        const int command = ForwardedCall.RequestLength, frame = (ForwardedCall.RequestLength + ForwardedCall.CommandLength + 15) & ~15;
        const int unix = 1, stream = 1, closeOnExec = 0x80000; // AF_UNIX, SOCK_STREAM, SOCK_CLOEXEC
        Label name = a.CreateLabel(), again = a.CreateLabel(), next = a.CreateLabel(), take = a.CreateLabel(), map = a.CreateLabel(),
        unmap = a.CreateLabel(), ended = a.CreateLabel();
        Label close = a.CreateLabel(), leave = a.CreateLabel(), broken = a.CreateLabel(), unreachable = a.CreateLabel(),
            sends = a.CreateLabel(), receives = a.CreateLabel();
        byte[] address = [unix, 0, 0, .. Encoding.ASCII.GetBytes(library.Socket)];
        a.push(rbp);
        a.mov(rbp, rsp);
        a.push(rbx);
        a.push(r12);
        a.sub(rsp, frame);
        a.mov(__qword_ptr[rsp], rax);
        AssemblerRegister64[] arguments = [rdi, rsi, rdx, rcx, r8, r9];
        for (int i = 0; i < arguments.Length; i++)
        {
            a.mov(__qword_ptr[rsp + 8 * (i + 1)], arguments[i]);
        }

        Call(a, SystemCall.Socket, () =>
        {
            a.mov(edi, unix);
            a.mov(esi, stream | closeOnExec);
            a.xor(edx, edx);
        });
        a.test(eax, eax);
        a.js(unreachable);
        a.mov(ebx, eax);
        a.Label(ref again);
        Call(a, SystemCall.Connect, () =>
        {
            a.mov(edi, ebx);
            a.lea(rsi, __qword_ptr[name]);
            a.mov(edx, address.Length);
        });
        a.cmp(rax, (int)Interrupted);
        a.je(again);
        a.test(rax, rax);
        a.js(broken);
        a.mov(rsi, rsp);
        a.mov(edx, ForwardedCall.RequestLength);
        a.call(sends);
        a.js(broken);

        a.Label(ref next);
        a.lea(rsi, __qword_ptr[rsp + command]);
        a.mov(edx, ForwardedCall.CommandLength);
        a.call(receives);
        a.js(broken);
        a.mov(eax, __dword_ptr[rsp + command]);
        a.mov(rsi, __qword_ptr[rsp + command + 8]);
        a.mov(rdx, __qword_ptr[rsp + command + 16]);
        a.cmp(eax, ForwardedCall.Take);
        a.je(take);
        a.cmp(eax, ForwardedCall.Map);
        a.je(map);
        a.cmp(eax, ForwardedCall.Unmap);
        a.je(unmap);
        a.cmp(eax, ForwardedCall.Send);
        a.jne(ended);
        a.call(sends);
        a.js(broken);
        a.jmp(next);

        a.Label(ref take);
        a.call(receives);
        a.js(broken);
        a.jmp(next);

        a.Label(ref map);
        Call(a, SystemCall.Mmap, () =>
        {
            a.mov(rsi, rdx);
            a.xor(edi, edi);
            a.mov(edx, (int)(MemoryProtection.Read | MemoryProtection.Write));
            a.mov(r10d, (int)(MemoryProtection.Private | MemoryProtection.Anonymous));
            a.mov(r8, -1);
            a.xor(r9d, r9d);
        });
        a.mov(__qword_ptr[rsp + command], rax);
        a.lea(rsi, __qword_ptr[rsp + command]);
        a.mov(edx, sizeof(ulong));
        a.call(sends);
        a.js(broken);
        a.jmp(next);

        a.Label(ref unmap);
        Call(a, SystemCall.Munmap, () =>
        {
            a.mov(rdi, rsi);
            a.mov(rsi, rdx);
        });
        a.jmp(next);

        a.Label(ref broken);
        a.mov(r12d, library.Unreachable);
        a.jmp(close);
        a.Label(ref ended);
        a.mov(r12, rsi);
        a.Label(ref close);
        Call(a, SystemCall.Close, () => a.mov(edi, ebx));
        a.mov(rax, r12);
        a.Label(ref leave);
        a.add(rsp, frame);
        a.pop(r12);
        a.pop(rbx);
        a.pop(rbp);
        a.ret();
        a.Label(ref unreachable);
        a.mov(eax, library.Unreachable);
        a.jmp(leave);

        EmitTransfer(a, SystemCall.Sendto, 0x4000, ref sends); // MSG_NOSIGNAL
        EmitTransfer(a, SystemCall.Recvfrom, 0x100, ref receives); // MSG_WAITALL
        a.Label(ref name);
        a.db(address);
    }

    // All of RDX bytes at RSI. The sign flag says that it failed.
    private static void EmitTransfer(Assembler a, long number, int flags, ref Label label)
    {
        Label again = a.CreateLabel(), failed = a.CreateLabel(), done = a.CreateLabel();
        a.Label(ref label);
        a.test(rdx, rdx);
        a.je(done);
        a.Label(ref again);
        Call(a, number, () =>
        {
            a.mov(edi, ebx);
            a.mov(r10d, flags);
            a.xor(r8d, r8d);
            a.xor(r9d, r9d);
        });
        a.cmp(rax, (int)Interrupted);
        a.je(again);
        a.test(rax, rax);
        a.jle(failed);
        a.add(rsi, rax);
        a.sub(rdx, rax);
        a.jne(again);
        a.Label(ref done);
        a.xor(eax, eax);
        a.ret();
        a.Label(ref failed);
        a.or(eax, -1);
        a.ret();
    }

    // The kernel changes RAX, RCX and R11, and keeps the rest. System V ABI, x86-64, A.2.1.
    private static void Call(Assembler a, long number, Action arguments)
    {
        arguments();
        a.mov(eax, (int)number);
        a.syscall();
    }
}
