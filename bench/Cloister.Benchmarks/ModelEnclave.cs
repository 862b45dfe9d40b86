using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Host;
using Cloister.Images;
using Cloister.Processor;
using Cloister.Processor.Encls;

namespace Cloister.Benchmarks;

/// <summary>An enclave of a machine without processes, its SECS in EPC page 0.</summary>
internal sealed class ModelEnclave
{
    private static readonly Lazy<RSA> s_key = new(DebugSigner.CreateKey);
    private readonly ulong _size;
    private readonly byte[] _source = new byte[LinearAddress.PageSize];
    private readonly List<(ulong Offset, Secinfo Secinfo)> _added = [];

    public ModelEnclave(SgxMachine machine, ulong size)
    {
        Machine = machine;
        _size = size;
        Base = new LinearAddress(0x7000_0000_0000 / size * size);
        var secs = new Secs
        {
            Size = size,
            BaseAddr = Base.Value,
            SsaFrameSize = 1,
            Attributes = new Attributes(AttributeFlags.Mode64Bit | AttributeFlags.Debug, Attributes.XfrmLegacy),
        };
        Expect(Ecreate.Execute(machine, MemoryMarshal.AsBytes(new ReadOnlySpan<Secs>(in secs)), default, Secs));
        Random.Shared.NextBytes(_source);
    }

    public static Secinfo Writable => new(SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W);

    public SgxMachine Machine { get; }

    public EpcPage Secs { get; } = new(0);

    public LinearAddress Base { get; }

    /// <summary>A leaf that does not succeed is an error of the benchmark.</summary>
    public static void Expect(LeafResult result)
    {
        if (!result.IsSuccess)
        {
            throw new InvalidOperationException($"A leaf answered {result}.");
        }
    }

    /// <summary>EADD of a page for reading and writing, which <see cref="Init"/> does not expect.</summary>
    public void Add(EpcPage page, ulong offset) => Expect(Eadd.Execute(Machine, Secs, Base + offset, Writable, _source, page));

    /// <summary>EADD of a page that <see cref="Init"/> expects.</summary>
    public void Add(EpcPage page, ulong offset, in Secinfo secinfo, ReadOnlySpan<byte> source)
    {
        Expect(Eadd.Execute(Machine, Secs, Base + offset, secinfo, source, page));
        _added.Add((offset, secinfo));
    }

    /// <summary>EEXTEND of the whole page at an offset.</summary>
    public void Extend(EpcPage page) => Expect(Eextend.ExecutePage(Machine, page));

    /// <summary>EINIT, signed on the spot.</summary>
    public void Init()
    {
        byte[] mrenclave = new byte[32];
        using var measurement = new Measurement();
        measurement.Ecreate(_size, 1);
        foreach ((ulong offset, Secinfo secinfo) in _added)
        {
            measurement.Eadd(offset, secinfo);
        }

        measurement.Digest(mrenclave);
        var parameters = new SigningParameters { Attributes = new Attributes(AttributeFlags.Mode64Bit, Attributes.XfrmLegacy) };
        Sigstruct unsigned = SigstructSigner.Prepare(parameters, mrenclave, new DateOnly(2020, 1, 1));
        Sigstruct sigstruct = SigstructSigner.Sign(in unsigned, s_key.Value);
        Machine.LaunchControlHash = SHA256.HashData((ReadOnlySpan<byte>)sigstruct.Modulus);
        Expect(Einit.Execute(Machine, MemoryMarshal.AsBytes(new ReadOnlySpan<Sigstruct>(in sigstruct)), new byte[Einittoken.SizeInBytes], Secs));
    }
}
