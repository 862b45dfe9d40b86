using Cloister.Engine.Instructions;
using Cloister.Engine.Tests.Harness;
using FsCheck;
using FsCheck.Fluent;
using static Iced.Intel.AssemblerRegisters;

namespace Cloister.Engine.Tests.Instructions;

public class CpuidSitesTests
{
    // Instructions as compilers write them; those with 0f a2 in them have it inside.
    private static readonly byte[][] Instructions =
    [
        [0x0f, 0xa2],
        [0x0f, 0xa2],
        [0xb8, 0x00, 0x0f, 0xa2, 0x00], // mov eax, 0xa20f00
        [0x48, 0x8d, 0x05, 0x0f, 0xa2, 0x00, 0x00], // lea rax, [rip+0xa20f]
        [0xe8, 0x0f, 0xa2, 0x00, 0x00], // call
        [0x48, 0xb8, 1, 2, 3, 0x0f, 0xa2, 4, 5, 6], // mov rax, imm64
        [0x48, 0x89, 0xe5],
        [0x55],
        [0x5d],
        [0x31, 0xc0],
        [0x83, 0xf8, 0x0f], // cmp eax, 15: its end and a2 are a boundary between
        [0x48, 0x83, 0xec, 0x18],
        [0x89, 0x45, 0xfc],
        [0x0f, 0xb6, 0x07],
        [0x74, 0x02],
        [0xc7, 0x45, 0xf8, 0x0f, 0xa2, 0x0f, 0xa2], // mov dword [rbp-8], 0xa20fa20f
        [0x0f, 0x1f, 0x44, 0x00, 0x00],
        [0x41, 0x54],
        [0x48, 0x8b, 0x7f, 0x08],
    ];

    [Fact]
    public void With_a_functions_start_every_boundary_is_exact()
    {
        Gen<int[]> picks = Gen.Choose(0, Instructions.Length - 1).ArrayOf(60);
        Prop.ForAll(picks.ToArbitrary(), list =>
        {
            var code = new List<byte>();
            var expected = new List<int>();
            foreach (int pick in list)
            {
                if (Instructions[pick].Length == 2 && Instructions[pick][1] == 0xa2)
                {
                    expected.Add(code.Count);
                }

                code.AddRange(Instructions[pick]);
            }

            code.Add(0xc3);
            Assert.Equal(expected, CpuidSites.Find(code.ToArray(), 0x4000, [0x4000]));
            return true;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));
    }

    [Fact]
    public void A_start_behind_data_counts()
    {
        // A jump table full of what looks like CPUID, then a function.
        byte[] code = [.. Enumerable.Repeat((byte[])[0x0f, 0xa2], 8).SelectMany(b => b), 0x31, 0xc0, 0x0f, 0xa2, 0xc3];
        List<int> sites = CpuidSites.Find(code, 0x1000, [0x1010]);
        Assert.Contains(18, sites);
    }

    [Fact]
    public void A_function_far_away_tells_nothing()
    {
        // The nearest start lies in another mapping, before this code: its bytes are not here.
        byte[] code = [.. Typical(), 0x0f, 0xa2, .. Typical()];
        Assert.Equal([Typical().Length], CpuidSites.Find(code, 0x8000, [0x1000]));
    }

    [Fact]
    public void Without_a_start_a_true_site_in_code_is_found()
    {
        byte[] before = Typical();
        byte[] code = [.. before, 0x0f, 0xa2, .. Typical()];
        Assert.Equal([before.Length], CpuidSites.Find(code, 0, []));
    }

    [Fact]
    public void Without_a_start_an_immediate_is_none()
    {
        foreach (byte[] instruction in Instructions.Where(i => i.Length > 2))
        {
            byte[] code = [.. Typical(), .. instruction, .. Typical()];
            Assert.Empty(CpuidSites.Find(code, 0, []));
        }
    }

    [Theory]
    [InlineData(0x00)]
    [InlineData(0xff)]
    [InlineData(0x06)]
    [InlineData(0x2f)]
    public void Data_is_none(byte fill)
    {
        for (int offset = 40; offset < 60; offset++)
        {
            byte[] data = new byte[160];
            Array.Fill(data, fill);
            (data[offset], data[offset + 1]) = (0x0f, 0xa2);
            Assert.Empty(CpuidSites.Find(data, 0, []));
        }
    }

    [Fact]
    public void The_edges_of_code_are_sites()
    {
        Assert.Equal([0], CpuidSites.Find([0x0f, 0xa2, 0xc3], 0, []));
        Assert.Empty(CpuidSites.Find([0x90, 0x0f], 0, [0]));
        Assert.Empty(CpuidSites.Find([], 0, []));
        Assert.Equal([1], CpuidSites.Find([0x90, 0x0f, 0xa2], 0, [0]));
    }

    private static byte[] Typical() => NativeCode.Assemble(a =>
    {
        a.push(rbp);
        a.mov(rbp, rsp);
        a.push(rbx);
        a.sub(rsp, 0x18);
        a.mov(__qword_ptr[rbp - 0x18], rdi);
        a.mov(eax, __dword_ptr[rdi + 8]);
        a.test(eax, eax);
        a.cmovne(rax, rdi);
        a.lea(rdx, __qword_ptr[rax + rax * 4]);
        a.mov(__qword_ptr[rbp - 0x20], rdx);
        a.xor(ecx, ecx);
        a.add(rdx, rcx);
        a.imul(rdx, rdx, 0x64);
        a.mov(rbx, rdx);
        a.mov(esi, 1);
        a.mov(edi, 0x10);
        a.and(esi, 0x7f);
        a.movzx(eax, sil);
        a.mov(eax, 7);
        a.xor(ecx, ecx);
    });
}
