using System.Text;
using Cloister.Architecture;
using Cloister.Host;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace TestingSample;

/// <summary>An enclave that greets. RSI and RDX are the name, R8 and R9 the room for the greeting: see Enclave.Call.</summary>
internal static class Greeter
{
    private const ulong Page = LinearAddress.PageSize;
    private static readonly byte[] Hello = Encoding.UTF8.GetBytes("hello, ");

    public static Enclave Build() => new EnclaveBuilder(8 * Page)
        .Add(0, Code(), PageAccess.Read | PageAccess.Execute)
        .AddThread(Page, new Tcs { Ossa = 2 * Page, Nssa = 1, Fslimit = uint.MaxValue, Gslimit = uint.MaxValue })
        .AddZeros(2 * Page, 1, PageAccess.Read | PageAccess.Write)
        .Build();

    private static byte[] Code()
    {
        var a = new Assembler(64);
        Label room = a.CreateLabel(), hello = a.CreateLabel();

        // SDM 3D, EENTER: RCX = behind the EENTER, where EEXIT goes.
        a.mov(r11, rcx);
        a.lea(rax, __[rdx + Hello.Length]);
        a.cmp(rax, r9);
        a.jbe(room);
        a.ud2();
        a.Label(ref room);
        a.mov(r10, rsi);
        a.mov(rdi, r8);
        a.lea(rsi, __[hello]);
        a.mov(ecx, Hello.Length);
        a.rep.movsb();
        a.mov(rsi, r10);
        a.mov(rcx, rdx);
        a.rep.movsb();

        // RDI = 0 ends the call, RDX = bytes written, RSI = nothing to say.
        a.mov(rdx, rax);
        a.xor(edi, edi);
        a.xor(esi, esi);
        a.mov(rbx, r11);
        a.mov(eax, 4);
        a.db(0x0f, 0x01, 0xd7);
        a.Label(ref hello);
        a.db(Hello);
        using var stream = new MemoryStream();
        a.Assemble(new StreamCodeWriter(stream), 0);
        return stream.ToArray();
    }
}
