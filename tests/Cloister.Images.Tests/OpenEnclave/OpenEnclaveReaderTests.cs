using System.Buffers.Binary;

namespace Cloister.Images.Tests.OpenEnclave;

public class OpenEnclaveReaderTests
{
    private const ulong Rw = 0x203;

    // With a zero base the enclave begins at address 0 and the image at the start address: every offset and the TCS's fields count from 0,
    // and what the loader writes into the image does not. openenclave/openenclave, host/sgx/create.c.
    [Theory]
    [InlineData(0UL, 0x20000UL)]
    [InlineData(0x10000UL, 0x40000UL)]
    [InlineData(0x20000UL, 0x40000UL)]
    [InlineData(0x200000UL, 0x400000UL)]
    public void The_loaders_writes_and_its_layout_are_measured(ulong start, ulong elrange)
    {
        // Image 4 pages, relocations 1, heap 2, then twice: guard, stack, guard, TCS, SSA, SSA, guard, TLS, thread data.
        const ulong size = 0x20000;
        byte[] image = new byte[0x4000];
        IntelElf.Code.CopyTo(image, 0);
        OtherFiles.OpenEnclaveData(2, 1, 2, start).CopyTo(image, 0x2000);
        Put(image, 0x2000, 0x4000);
        Put(image, 0x2008, 0x1000);
        Put(image, 0x2010, 8);
        ulong[] info = [OtherFiles.OeinfoAddress, OtherFiles.OeinfoSize, 0x4000, 0x1000, 0x5000, size];
        for (int i = 0; i < info.Length; i++)
        {
            Put(image, (int)OtherFiles.OeinfoAddress + 96 + (i * 8), info[i]);
        }

        byte[] relocations = new byte[4096];
        OtherFiles.Relocations().CopyTo(relocations, 0);
        var expected = new Oracle(elrange, 1);
        for (ulong at = 0; at < 0x4000; at += 0x1000)
        {
            expected.Page(start + at, at < 0x2000 ? 0x205UL : Rw, image[(int)at..(int)(at + 0x1000)]);
        }

        expected.Page(start + 0x4000, 0x201, relocations).Add(start + 0x5000, Rw).Add(start + 0x6000, Rw);
        foreach (ulong guard in new ulong[] { start + 0x7000, start + 0x10000 })
        {
            byte[] tcs = new byte[4096];
            Put(tcs, 16, guard + 0x4000);
            tcs[28] = 2;
            Put(tcs, 32, start + 0x10);
            Put(tcs, 48, guard + 0x8000);
            Put(tcs, 56, guard + 0x8000);
            Put(tcs, 64, ulong.MaxValue);
            expected.Page(guard + 0x1000, Rw, IntelElf.Filled(0xcc)).Page(guard + 0x3000, 0x100, tcs);
            foreach (ulong zero in new ulong[] { 0x4000, 0x5000, 0x7000, 0x8000 })
            {
                expected.Page(guard + zero, Rw, new byte[4096]);
            }
        }

        Assert.Equal(expected.Mrenclave, IntelElf.Measure(OtherFiles.OpenEnclave(start: start)));
    }

    [Theory]
    [InlineData(0x800UL)]
    [InlineData(ulong.MaxValue - 4095)]
    public void A_start_address_that_no_enclave_has_is_refused(ulong start)
        => Assert.Contains("start address",
            Assert.Throws<ImageException>(() => IntelElf.Measure(OtherFiles.OpenEnclave(start: start))).Message, StringComparison.Ordinal);

    [Fact]
    public void Signed_it_verifies_and_its_own_signature_is_not_measured()
    {
        string path = Path.Combine(Path.GetTempPath(), $"cloister-images-{Guid.NewGuid():n}");
        try
        {
            using (EnclaveImage image = ImageReader.Read(ByteSource.FromBytes(OtherFiles.OpenEnclave())))
            {
                EnclaveVariant variant = image.PreferredVariant;
                Assert.Null(variant.Sigstruct);
                var sigstruct =
                    SigstructSigner.Sign(EnclaveSigner.Prepare(image, variant, EnclaveSigner.DefaultParameters(variant),
                        new DateOnly(2030, 1, 2)), TestKey.Value);
                EnclaveSigner.Write(image, [(variant, sigstruct)], path);
            }

            using EnclaveImage signed = ImageReader.Open(path);
            Assert.All(EnclaveVerifier.Verify(signed, signed.PreferredVariant, new VerificationPolicy()),
                check => Assert.True(check.Passed, check.Name));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(ulong.MaxValue, 1UL, 1UL)]
    [InlineData(1UL, ulong.MaxValue, 1UL)]
    [InlineData(1UL, 1UL, 1025UL)]
    public void Sizes_of_no_enclave_are_refused(ulong heap, ulong stack, ulong threads)
        => Assert.Throws<ImageException>(() => IntelElf.Measure(OtherFiles.OpenEnclave(heap, stack, threads)));

    private static void Put(byte[] bytes, int at, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(at), value);
}
