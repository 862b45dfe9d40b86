using Cloister.Architecture;
using Iced.Intel;
using static Iced.Intel.AssemblerRegisters;

namespace Cloister.Host.Tests.Programs;

/// <summary>An enclave for the scenarios. RDI says what to do, RSI where, RDX with what; the answer leaves in RDX.</summary>
internal static class TestCode
{
    public const ulong Page = LinearAddress.PageSize, Size = 1 << 20, Data = 16 * Page, FirstThread = 32 * Page, ThreadPages = 6;
    public const int Frames = 3;

    public enum Request : ulong
    {
        /// <summary>Adds RDX, atomically, to the number at RSI.</summary>
        Add,

        /// <summary>Sets the number at RSI to 1 and waits until the one at RDX is not 0.</summary>
        Wait,

        /// <summary>UD2.</summary>
        Undefined,

        /// <summary>Divides by 0.</summary>
        Divide,

        /// <summary>Writes at RSI.</summary>
        Write,

        /// <summary>Asks the host, by EEXIT with 1 in RDI, and answers what it is entered with in RSI plus RDX.</summary>
        Ask,

        /// <summary>What follows <see cref="Ask"/>.</summary>
        Answered,

        /// <summary>Changes RBX, RBP's neighbours, R12 to R15, MXCSR, the x87 control word and the direction flag.</summary>
        Spoil,

        /// <summary>EACCEPT of the page at RSI with the flags in RDX.</summary>
        Accept,

        /// <summary>EMODPE of the page at RSI with the flags in RDX.</summary>
        Extend,

        /// <summary>Copies the input to the output; 7 is its value.</summary>
        Echo,

        /// <summary>The same, and then ocall 1 with these bytes and room for the whole output, and 5 in R9.</summary>
        EchoByOcall,

        /// <summary>Says that it wrote 2^40 bytes.</summary>
        Boast,

        /// <summary>Ocall 1 with the 8 bytes at 0x1000, which are not in the output.</summary>
        AskElsewhere,

        /// <summary>What follows an ocall: the answer's bytes are the output's, 3 is its value.</summary>
        Returned = OcallTable.Return,
    }

    public static ulong Id(Request request) => (ulong)request;

    /// <summary>An enclave with a page of data and some threads.</summary>
    public static EnclaveBuilder Builder(int threads, EntryMethod method)
    {
        var builder = new EnclaveBuilder(Size) { EntryMethod = method };
        builder.Add(0, Assemble(), PageAccess.Read | PageAccess.Execute);
        builder.AddZeros(Data, 1, PageAccess.Read | PageAccess.Write);
        for (int i = 0; i < threads; i++)
        {
            ulong at = FirstThread + ((ulong)i * ThreadPages * Page);
            builder.AddThread(at, new Tcs { Ossa = at + Page, Nssa = Frames, Fslimit = uint.MaxValue, Gslimit = uint.MaxValue });
            builder.AddZeros(at + Page, (int)ThreadPages - 1, PageAccess.Read | PageAccess.Write);
        }

        return builder;
    }

    /// <summary>The code; where it lies does not matter.</summary>
    public static byte[] Assemble()
    {
        var a = new Assembler(64);
        Label leave = a.CreateLabel(), exit = a.CreateLabel();
        var labels = new Dictionary<Request, Label>();
        a.mov(r10, rcx);
        foreach (Request request in Enum.GetValues<Request>())
        {
            labels[request] = a.CreateLabel();
            a.cmp(rdi, (int)request);
            a.je(labels[request]);
        }

        a.ud2();
        void Case(Request request)
        {
            Label label = labels[request];
            a.Label(ref label);
        }

        Case(Request.Add);
        a.@lock.add(__qword_ptr[rsi], rdx);
        a.mov(rdx, __qword_ptr[rsi]);
        a.jmp(leave);

        Case(Request.Wait);
        Label again = a.CreateLabel();
        a.mov(__qword_ptr[rsi], 1);
        a.Label(ref again);
        a.pause();
        a.cmp(__qword_ptr[rdx], 0);
        a.je(again);
        a.mov(rdx, __qword_ptr[rdx]);
        a.jmp(leave);

        Case(Request.Undefined);
        a.ud2();

        Case(Request.Divide);
        a.xor(ecx, ecx);
        a.xor(edx, edx);
        a.mov(eax, 1);
        a.div(ecx);

        Case(Request.Write);
        a.mov(__qword_ptr[rsi], rdx);
        a.mov(rdx, __qword_ptr[rsi]);
        a.jmp(leave);

        Case(Request.Ask);
        a.mov(edi, 1);
        a.jmp(exit);

        Case(Request.Answered);
        a.add(rdx, rsi);
        a.jmp(leave);

        Case(Request.Spoil);
        a.xor(r12d, r12d);
        a.xor(r13d, r13d);
        a.xor(r14d, r14d);
        a.xor(r15d, r15d);

        // Flush to zero, round up; x87 in single precision.
        a.mov(__dword_ptr[rsi], 0xdf80);
        a.ldmxcsr(__dword_ptr[rsi]);
        a.mov(__dword_ptr[rsi], 0x0c7f);
        a.fldcw(__word_ptr[rsi]);
        a.std();
        a.jmp(leave);

        // The SECINFO is the first in the page behind the TCS's frames.
        Case(Request.Accept);
        a.lea(r11, __[rbx + (int)((1 + Frames) * Page)]);
        a.mov(__qword_ptr[r11], rdx);
        a.mov(rcx, rsi);
        a.mov(rbx, r11);
        a.mov(eax, 5);
        a.db(0x0f, 0x01, 0xd7);
        a.mov(edx, eax);
        a.jmp(leave);

        Case(Request.Extend);
        a.lea(r11, __[rbx + (int)((1 + Frames) * Page)]);
        a.mov(__qword_ptr[r11], rdx);
        a.mov(rcx, rsi);
        a.mov(rbx, r11);
        a.mov(eax, 6);
        a.db(0x0f, 0x01, 0xd7);
        a.xor(edx, edx);

        a.jmp(leave);

        Case(Request.Echo);
        a.mov(rcx, rdx);
        a.mov(rdi, r8);
        a.rep.movsb();
        a.mov(esi, 7);
        a.jmp(leave);

        Case(Request.EchoByOcall);
        a.mov(rcx, rdx);
        a.mov(rdi, r8);
        a.rep.movsb();
        a.mov(rsi, r8);
        a.mov(r8, r9);
        a.mov(r9d, 5);
        a.mov(edi, 1);
        a.jmp(exit);

        Case(Request.Boast);
        a.mov(rdx, 1L << 40);
        a.jmp(leave);

        Case(Request.AskElsewhere);
        a.mov(esi, 0x1000);
        a.mov(edx, 8);
        a.mov(r8d, 8);
        a.mov(edi, 1);
        a.jmp(exit);

        Case(Request.Returned);
        a.mov(esi, 3);

        a.Label(ref leave);
        a.xor(edi, edi);
        a.Label(ref exit);
        a.mov(rbx, r10);
        a.mov(eax, 4);
        a.db(0x0f, 0x01, 0xd7);
        using var stream = new MemoryStream();
        a.Assemble(new StreamCodeWriter(stream), 0);
        return stream.ToArray();
    }
}
