using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Cloister.Architecture;
using Cloister.Processor.Encls;
using Cloister.Processor.Tests.Harness;

namespace Cloister.Processor.Tests;

/// <summary>MRENCLAVE against a straight reading of SDM 3D, ECREATE, EADD and EEXTEND: one update of 64 bytes after the other.</summary>
public class MeasurementTests
{
    [Theory]
    [InlineData(1, 16)]
    [InlineData(3, 16)]
    [InlineData(5, 0)]
    [InlineData(7, 3)]
    public void It_is_what_the_manual_says(int pages, int chunks)
    {
        using var reference = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var measurement = new Measurement();
        byte[] ecreate = new byte[64];
        Encoding.ASCII.GetBytes("ECREATE").CopyTo(ecreate, 0);
        BinaryPrimitives.WriteUInt32LittleEndian(ecreate.AsSpan(8), 2);
        BinaryPrimitives.WriteUInt64LittleEndian(ecreate.AsSpan(12), 0x40000);
        reference.AppendData(ecreate);
        measurement.Ecreate(0x40000, 2);
        for (int page = 0; page < pages; page++)
        {
            byte[] content = new byte[4096];
            new Random(page).NextBytes(content);
            byte[] eadd = new byte[64];
            Encoding.ASCII.GetBytes("EADD").CopyTo(eadd, 0);
            BinaryPrimitives.WriteUInt64LittleEndian(eadd.AsSpan(8), (ulong)page * 4096);
            BinaryPrimitives.WriteUInt64LittleEndian(eadd.AsSpan(16), 0x203);
            reference.AppendData(eadd);
            measurement.Eadd((ulong)page * 4096, new Secinfo(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W));
            for (int chunk = 0; chunk < chunks; chunk++)
            {
                byte[] eextend = new byte[64];
                Encoding.ASCII.GetBytes("EEXTEND").CopyTo(eextend, 0);
                BinaryPrimitives.WriteUInt64LittleEndian(eextend.AsSpan(8), (ulong)((page * 4096) + (chunk * 256)));
                reference.AppendData(eextend);
                for (int part = 0; part < 4; part++)
                {
                    reference.AppendData(content.AsSpan((chunk * 256) + (part * 64), 64));
                }
            }

            measurement.Eextend((ulong)page * 4096, content.AsSpan(0, chunks * 256));
        }

        byte[] digest = new byte[32];
        measurement.Digest(digest);
        Assert.Equal(reference.GetHashAndReset(), digest);
    }

    [Fact]
    public void Known_answer()
    {
        // Computed with Python's hashlib from the manual's description: 64 KiB, frames of one page, one zeroed page with R and W.
        using var measurement = new Measurement();
        measurement.Ecreate(0x10000, 1);
        measurement.Eadd(0, new Secinfo(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W));
        measurement.Eextend(0, new byte[4096]);
        byte[] digest = new byte[32];
        measurement.Digest(digest);
        Assert.Equal("b7db6b53a591009c9fcdfb265926be6f051286dc557a07bbe8de5c1fdc7954a1", Convert.ToHexStringLower(digest));
    }

    [Fact]
    public void The_leaves_measure_what_the_manual_says()
    {
        // Computed with Python's hashlib from the manual's description: 128 KiB, frames of one page; a readable page at 0 whose bytes
        // count from 0 to 255 over and over, with its chunks measured; a TCS at 0x1000 with its first chunk measured.
        var world = new World();
        var enclave = new TestEnclave(world);
        byte[] content = [.. Enumerable.Range(0, 4096).Select(index => (byte)index)];
        enclave.Add(0, SecinfoFlags.Reg | SecinfoFlags.R, content);
        EpcPage tcs = world.FreePage();
        byte[] source = World.Bytes(TestEnclave.LegalTcs() with { Flags = TcsFlags.Dbgoptin, Cssa = 9 });
        var secinfo = new Secinfo(SecinfoFlags.Tcs | SecinfoFlags.R | SecinfoFlags.W);
        Expect.Success(Eadd.Execute(world.Machine, enclave.Secs, enclave.Base + 0x1000, secinfo, source, tcs));
        Expect.Success(Eextend.Execute(world.Machine, tcs, 0));
        Sigstruct sigstruct = enclave.LegalSigstruct();
        Assert.Equal("080b7375ecd8fbd83744be56de99dbe15e9d18364ab8eb2b805cbf709b3d7e92", Convert.ToHexStringLower(sigstruct.Enclavehash));
    }

    [Fact]
    public void A_digest_in_the_middle_changes_nothing()
    {
        using var one = new Measurement();
        using var two = new Measurement();
        byte[] first = new byte[32];
        byte[] second = new byte[32];
        foreach (Measurement measurement in new[] { one, two })
        {
            measurement.Ecreate(0x10000, 1);
            if (measurement == two)
            {
                measurement.Digest(first);
            }

            measurement.Eadd(0, new Secinfo(SecinfoFlags.Reg));
        }

        one.Digest(first);
        two.Digest(second);
        Assert.Equal(first, second);
    }

    [Fact]
    public void A_page_costs_at_most_one_call_of_the_hash()
    {
        using var measurement = new Measurement();
        measurement.Ecreate(0x1000000, 1);
        byte[] page = new byte[4096];
        for (ulong offset = 0; offset < 100 * 4096; offset += 4096)
        {
            measurement.Eadd(offset, new Secinfo(SecinfoFlags.Reg));
            measurement.Eextend(offset, page);
        }

        measurement.Digest(new byte[32]);
        Assert.InRange(measurement.HashCalls, 1, 102);
    }
}
