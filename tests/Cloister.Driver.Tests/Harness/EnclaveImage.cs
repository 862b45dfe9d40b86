using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Cloister.Architecture;

namespace Cloister.Driver.Tests.Harness;

/// <summary>
/// An enclave to build: page 0 a TCS with two state save area frames in pages 1 and 2, page 3 code, page 4 data, and
/// as many heap pages as wanted from page 8 on. Measured here on its own, without the processor's help.
/// </summary>
internal sealed record EnclaveImage
{
    public const ulong DefaultBase = 0x7000_0000_0000;
    public const ulong Page = 4096;
    public const int TcsPage = 0;
    public const int CodePage = 3;
    public const int DataPage = 4;
    public const int HeapPage = 8;

    private static readonly ConcurrentDictionary<string, byte[]> Signed = new();

    public ulong Base { get; init; } = DefaultBase;

    public ulong Size { get; init; } = 1024 * Page;

    public int HeapPages { get; init; } = 4;

    public AttributeFlags Attributes { get; init; } = AttributeFlags.Mode64Bit | AttributeFlags.Debug;

    /// <summary>What stands at the beginning of its code.</summary>
    public byte[] Code { get; init; } = [];

    public LinearAddress Tcs => new(Base);

    public LinearAddress Data => At(DataPage);

    public LinearAddress Heap => At(HeapPage);

    public LinearAddress At(int page) => new(Base + ((ulong)page * Page));

    /// <summary>The SECS page to create it from.</summary>
    public byte[] Secs()
    {
        var secs = new Secs
        {
            Size = Size,
            BaseAddr = Base,
            SsaFrameSize = 1,
            Miscselect = Miscselect.Exinfo,
            Attributes = new Attributes(Attributes, 3),
        };
        return MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref secs, 1)).ToArray();
    }

    /// <summary>Its pages: page number, type and permissions, contents.</summary>
    public IEnumerable<(int Page, SecinfoFlags Flags, byte[] Contents)> Pages()
    {
        yield return (TcsPage, SecinfoFlags.Tcs, TcsContents());
        const SecinfoFlags Data = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W;
        yield return (1, Data, new byte[Page]);
        yield return (2, Data, new byte[Page]);
        byte[] code = Filled(0xcc);
        Code.CopyTo(code, 0);
        yield return (CodePage, SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.X, code);
        yield return (DataPage, Data, Filled(0x11));
        for (int heap = 0; heap < HeapPages; heap++)
        {
            yield return (HeapPage + heap, Data, Filled((byte)heap));
        }
    }

    /// <summary>The SIGSTRUCT for these pages; signing takes a while, so the same image is signed once.</summary>
    public byte[] Sigstruct()
    {
        byte[] measurement = Measure();
        return Signed.GetOrAdd($"{Convert.ToHexString(measurement)} {Attributes}", _ => Sign(measurement)).ToArray();
    }

    private static byte[] TcsContents()
    {
        var tcs = new Tcs
        {
            Ossa = Page,
            Nssa = 2,
            Oentry = CodePage * Page,
            Fslimit = uint.MaxValue,
            Gslimit = uint.MaxValue,
        };
        return MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref tcs, 1)).ToArray();
    }

    private static byte[] Filled(byte value)
    {
        byte[] page = new byte[Page];
        page.AsSpan().Fill(value);
        return page;
    }

    private byte[] Sign(byte[] measurement)
    {
        var attributes = new Attributes(Attributes, 3);
        var sigstruct = new Sigstruct
        {
            Date = 0x20240101,
            Miscselect = Miscselect.Exinfo,
            Miscmask = (Miscselect)uint.MaxValue,
            Attributes = attributes,
            Attributemask = attributes,
        };
        Architecture.Sigstruct.ExpectedHeader.CopyTo((Span<byte>)sigstruct.Header);
        Architecture.Sigstruct.ExpectedHeader2.CopyTo((Span<byte>)sigstruct.Header2);
        measurement.CopyTo((Span<byte>)sigstruct.Enclavehash);
        return Signer.Instance.Sign(sigstruct);
    }

    // SDM 3D, "Measurement": records of 64 bytes for ECREATE, EADD and EEXTEND, and the 256 bytes of each EEXTEND.
    private byte[] Measure()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> record = stackalloc byte[64];
        Encoding.ASCII.GetBytes("ECREATE\0", record);
        BinaryPrimitives.WriteUInt32LittleEndian(record[8..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(record[12..], Size);
        hash.AppendData(record);
        foreach (var (page, flags, contents) in Pages())
        {
            record.Clear();
            Encoding.ASCII.GetBytes("EADD\0\0\0\0", record);
            BinaryPrimitives.WriteUInt64LittleEndian(record[8..], (ulong)page * Page);
            BinaryPrimitives.WriteUInt64LittleEndian(record[16..], (ulong)flags);
            hash.AppendData(record);
            for (int offset = 0; offset < contents.Length; offset += 256)
            {
                record.Clear();
                Encoding.ASCII.GetBytes("EEXTEND\0", record);
                BinaryPrimitives.WriteUInt64LittleEndian(record[8..], ((ulong)page * Page) + (ulong)offset);
                hash.AppendData(record);
                hash.AppendData(contents, offset, 256);
            }
        }

        return hash.GetHashAndReset();
    }
}
