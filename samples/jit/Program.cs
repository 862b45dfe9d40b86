using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Host;
using Cloister.Linux;

namespace JitSample;

/// <summary>
/// A compiler in an enclave: its code pages come by EAUG and EACCEPTCOPY, the pattern that the thread of March 2022 asks for. Read it
/// from here downwards.
/// </summary>
internal static class Program
{
    /// <summary>What a page of code may do: read and execute. SECINFO.FLAGS.</summary>
    public const SecinfoFlags CodePage = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.X;

    private const PageAccess ReadWrite = PageAccess.Read | PageAccess.Write;

    private static int Main()
    {
        try
        {
            using Enclave enclave = Build();
            CompileAndRun(enclave);
            CompileTooMuch(enclave);
            Overwrite(enclave);
            Console.WriteLine("Done.");
            return 0;
        }
        catch (EnclaveException e)
        {
            Console.Error.WriteLine($"jit-sample: {e.Message}");
            return e is SgxUnavailableException ? 69 : 1;
        }
    }

    private static Enclave Build()
    {
        var tcs = new Tcs { Ossa = Layout.Frames, Nssa = Layout.FrameCount, Fslimit = uint.MaxValue, Gslimit = uint.MaxValue };
        var builder = new EnclaveBuilder(Layout.Size);
        byte[] compiler = Compiler.Assemble();
        builder.Add(Layout.Compiler, compiler, PageAccess.Read | PageAccess.Execute, name: "compiler");
        builder.AddZeros(Layout.Staging, 1, ReadWrite, name: "emitted code");
        builder.AddThread(Layout.Thread, tcs);
        builder.AddZeros(Layout.ThreadsOwn, 1, ReadWrite, name: "the thread's own");
        builder.AddZeros(Layout.Frames, Layout.FrameCount, ReadWrite, name: "SSA");
        Enclave enclave = builder.Build();

        // The page tables permit everything in the code cache; what a page there may do the enclave says when it accepts it.
        enclave.Map(Layout.CodeCache, Layout.CodePages * Layout.Page, ReadWrite | PageAccess.Execute);
        Console.WriteLine($"An enclave with a compiler of {compiler.Length} bytes, and no page for what it compiles");
        return enclave;
    }

    // A program for each page of the cache, made by chance, the same each time; what it gives is compared with the same in C#.
    private static void CompileAndRun(Enclave enclave)
    {
        var chance = new Random(1);
        long steps = 0;
        for (int page = 0; page < Layout.CodePages; page++)
        {
            Step[] program = [.. Enumerable.Range(0, 1 + chance.Next(40)).Select(_ => new Step((Operation)chance.Next(3), chance.Next(int.MinValue, int.MaxValue)))];
            if (page == 0)
            {
                program = [new(Operation.Multiply, 3), new(Operation.Add, 4), new(Operation.Xor, 5)];
            }

            ulong code = AddressOf(enclave, page), error = Compile(enclave, program, code);
            if (error != 0)
            {
                throw new EnclaveException($"EACCEPTCOPY at 0x{code:x}: {(SgxError)error}");
            }

            foreach (long argument in (long[])[0, 10, -1, long.MaxValue, chance.NextInt64()])
            {
                long answer = Run(enclave, code, argument), expected = program.Aggregate(argument, (number, step) => step.Apply(number));
                if (answer != expected)
                {
                    throw new EnclaveException($"function {page} makes {answer} of {argument}, and not {expected}");
                }
            }

            if (page == 0)
            {
                Console.WriteLine($"It compiles x {string.Join(' ', program)} and runs it: of 10 it makes {Run(enclave, code, 10)}");
            }

            steps += program.Length;
        }

        Console.WriteLine($"{Layout.CodePages} functions of {steps} steps, each in a page of its own, give what C# gives");
    }

    private static void CompileTooMuch(Enclave enclave)
    {
        ulong error = Compile(enclave, new Step[Compiler.MostSteps + 1], AddressOf(enclave, 0));
        Console.WriteLine(error == Compiler.TooLong
            ? $"A program of more than {Compiler.MostSteps} steps does not fit a page: refused"
            : throw new EnclaveException($"a program that fits no page was answered with {error}"));
    }

    private static void Overwrite(Enclave enclave)
    {
        try
        {
            _ = enclave.Call((ulong)Request.Overwrite, third: AddressOf(enclave, 0));
        }
        catch (EnclaveFaultException e) when (e.Fault.RefusedByEpcm)
        {
            Console.WriteLine($"The enclave writes to its code: exception {(int)e.Fault.Vector}, error code 0x{e.Fault.ErrorCode:x4}: the EPCM refuses it");
            return;
        }

        throw new EnclaveException("the enclave could write to its code");
    }

    private static ulong Compile(Enclave enclave, Step[] program, ulong page)
    {
        using PageBuffer steps = PageBuffer.Allocate(program.Length * Marshal.SizeOf<Step>());
        MemoryMarshal.AsBytes<Step>(program).CopyTo(steps.Bytes);
        return enclave.Call((ulong)Request.Compile, steps.Address, (ulong)program.Length, page).Rdx;
    }

    private static long Run(Enclave enclave, ulong page, long argument) => (long)enclave.Call((ulong)Request.Run, (ulong)argument, third: page).Rdx;

    private static ulong AddressOf(Enclave enclave, int page) => enclave.At(Layout.CodeCache + ((ulong)page * Layout.Page)).Value;
}
