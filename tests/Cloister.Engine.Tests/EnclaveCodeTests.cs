namespace Cloister.Engine.Tests;

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
    [InlineData(new byte[] { 0x0f, 0x01, 0xd7 }, false, false)] // enclu
    [InlineData(new byte[] { 0x0f, 0x01, 0xd0 }, false, false)] // xgetbv
    [InlineData(new byte[] { 0x0f, 0x0b }, false, false)] // ud2
    [InlineData(new byte[] { 0x0f, 0xaf, 0xc1 }, false, false)] // imul
    [InlineData(new byte[] { 0xb8, 0x0f, 0xa2, 0x0f, 0x05 }, false, false)] // mov eax, ...: inside an immediate
    public void WhatIsIllegalBecomesUd2(byte[] instruction, bool timestamps, bool replaced)
    {
        // At the page's first bytes, in its middle behind ordinary code, and at its end.
        foreach (int at in (int[])[0, 2000, 4096 - instruction.Length])
        {
            byte[] page = Page();
            instruction.CopyTo(page, at);
            byte[] expected = [.. page];
            if (replaced)
            {
                (expected[at], expected[at + 1]) = (0x0f, 0x0b);
            }

            EnclaveCode.Patch(page, timestamps);
            Assert.Equal(expected, page);
        }
    }

    [Fact]
    public void ThereMayBeMany()
    {
        byte[] page = Page();
        for (int at = 0; at < 4096; at += 32)
        {
            (page[at], page[at + 1]) = (0x0f, 0xa2);
        }

        EnclaveCode.Patch(page, timestampsAllowed: true);
        for (int at = 0; at < 4096; at += 32)
        {
            Assert.Equal((at, 0x0f, 0x0b), (at, page[at], page[at + 1]));
        }
    }

    [Fact]
    public void ASecondTimeChangesNothing()
    {
        byte[] page = Page();
        (page[100], page[101]) = (0x0f, 0xa2);
        EnclaveCode.Patch(page, true);
        byte[] once = [.. page];
        EnclaveCode.Patch(page, true);
        Assert.Equal(once, page);
    }

    // One-byte instructions: every place is a boundary.
    private static byte[] Page()
    {
        byte[] page = new byte[4096];
        Array.Fill(page, (byte)0x90);
        return page;
    }
}
