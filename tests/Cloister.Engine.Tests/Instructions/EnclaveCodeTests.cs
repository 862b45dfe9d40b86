using Cloister.Engine.Instructions;

namespace Cloister.Engine.Tests.Instructions;

public class EnclaveCodeTests
{
    // SDM 3D, "Illegal Instructions": those that a processor without SGX would execute without a fault.
    [Theory]
    [InlineData(new byte[] { 0x0f, 0xa2 }, true, true)] // cpuid
    [InlineData(new byte[] { 0x0f, 0x05 }, true, true)] // syscall
    [InlineData(new byte[] { 0x0f, 0x34 }, true, true)] // sysenter
    [InlineData(new byte[] { 0x0f, 0xa1 }, true, true)] // pop fs
    [InlineData(new byte[] { 0x0f, 0xa9 }, true, true)] // pop gs
    [InlineData(new byte[] { 0x0f, 0x31 }, true, false)] // rdtsc
    [InlineData(new byte[] { 0x0f, 0x31 }, false, true)]
    [InlineData(new byte[] { 0x0f, 0x01, 0xf9 }, true, false)] // rdtscp
    [InlineData(new byte[] { 0x0f, 0x01, 0xf9 }, false, true)]
    [InlineData(new byte[] { 0x0f, 0x01, 0xc1 }, true, true)] // vmcall
    [InlineData(new byte[] { 0x0f, 0x01, 0xd9 }, true, true)] // vmmcall
    [InlineData(new byte[] { 0x0f, 0x01, 0xd7 }, false, false)] // enclu
    [InlineData(new byte[] { 0x0f, 0x01, 0xd0 }, false, false)] // xgetbv
    [InlineData(new byte[] { 0x0f, 0x0b }, false, false)] // ud2
    [InlineData(new byte[] { 0x0f, 0xaf, 0xc1 }, false, false)] // imul
    [InlineData(new byte[] { 0xb8, 0x0f, 0xa2, 0x0f, 0x05 }, false, false)] // mov eax, ...: inside an immediate
    public void What_is_illegal_is_found(byte[] instruction, bool timestamps, bool illegal)
    {
        // At the page's first bytes, in its middle behind ordinary code, and at its end.
        foreach (int at in (int[])[0, 2000, 4096 - instruction.Length])
        {
            byte[] page = Page(4096);
            instruction.CopyTo(page, at);
            Assert.Equal(illegal ? [at] : [], EnclaveCode.Find(page, page.Length, timestamps));
        }
    }

    [Fact]
    public void There_may_be_many()
    {
        byte[] page = Page(4096);
        for (int at = 0; at < 4096; at += 32)
        {
            (page[at], page[at + 1]) = (0x0f, 0xa2);
        }

        Assert.Equal(Enumerable.Range(0, 128).Select(i => i * 32), EnclaveCode.Find(page, page.Length, timestampsAllowed: true));
    }

    [Fact]
    public void One_may_end_in_the_next_page()
    {
        byte[] code = Page(4096 + 15);
        (code[4095], code[4096]) = (0x0f, 0x05);
        Assert.Equal([4095], EnclaveCode.Find(code, 4096, timestampsAllowed: true));
        Assert.Empty(EnclaveCode.Find(code.AsSpan(0, 4096), 4096, timestampsAllowed: true));
    }

    [Fact]
    public void What_begins_in_the_next_page_is_not_this_ones()
    {
        byte[] code = Page(4096 + 15);
        (code[4096], code[4097]) = (0x0f, 0x05);
        Assert.Empty(EnclaveCode.Find(code, 4096, timestampsAllowed: true));
    }

    // One-byte instructions: every place is a boundary.
    private static byte[] Page(int length)
    {
        byte[] page = new byte[length];
        Array.Fill(page, (byte)0x90);
        return page;
    }
}
