using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Cloister.Architecture;
using Cloister.Attestation.Services;
using Cloister.Processor.Enclu;
using FsCheck;
using FsCheck.Fluent;

namespace Cloister.Attestation.Tests.Services;

/// <summary>AESM's answers, and its error for each thing that is wrong.</summary>
public class AesmServiceTests
{
    private const int Init = 15, Size = 16, Get = 17, Select = 19, Unsupported = 20, Count = 21, List = 22;
    private readonly World _world = new();
    private readonly AesmService _service;

    public AesmServiceTests() => _service = new AesmService(_world.Service);

    private (AesmError Error, List<ProtobufField> Fields) Ask(int kind, params byte[][] fields) => Ask(kind, kind, fields);

    private (AesmError Error, List<ProtobufField> Fields) Ask(int kind, int expected, params byte[][] fields)
    {
        byte[] answer = _service.Answer(Protobuf.Bytes(kind, [.. fields.SelectMany(field => field)]))!;
        Assert.True(Protobuf.TryParse(answer, out List<ProtobufField>? outer));
        ProtobufField one = Assert.Single(outer);
        Assert.Equal(expected, one.Number);
        Assert.True(Protobuf.TryParse(one.Bytes!.Value, out List<ProtobufField>? inner));
        Assert.Equal(1, inner[0].Number);
        return ((AesmError)inner[0].Value, inner);
    }

    private static byte[] Key(int field) => Protobuf.Bytes(field, AttestationKeyId.Own);

    private static byte[] Bytes(List<ProtobufField> fields, int number) =>
        fields.Single(field => field.Number == number).Bytes!.Value.ToArray();

    [Fact]
    public void The_key_is_asked_for_told_and_chosen()
    {
        Assert.Equal(1u, Ask(Count).Fields[1].Value);
        Assert.Equal(AttestationKeyId.Own, Bytes(Ask(List, Protobuf.Number(1, 256)).Fields, 2));
        Assert.Equal(AesmError.Parameter, Ask(List, Protobuf.Number(1, 255)).Error);
        Assert.Equal(AttestationKeyId.Own, Bytes(Ask(Select).Fields, 2));
        byte[] other = [.. AttestationKeyId.Own], spid = [.. AttestationKeyId.Own];
        other[10] ^= 1;
        spid[160] = 7;
        byte[] Header(int count) => [0, 0, 0, 0, (byte)count, 0, 0, 0];
        Assert.Equal(spid, Bytes(Ask(Select, Protobuf.Bytes(1, [.. Header(2), .. other, .. spid])).Fields, 2));
        Assert.Equal(AesmError.UnsupportedAttestationKey, Ask(Select, Protobuf.Bytes(1, [.. Header(1), .. other])).Error);
        Assert.Equal(AesmError.Parameter, Ask(Select, Protobuf.Bytes(1, [.. Header(2), .. other])).Error);
        Assert.Equal(AesmError.Parameter, Ask(Select, Protobuf.Bytes(1, [.. Header(11), .. new byte[11 * 256]])).Error);
        Assert.Equal(AesmError.Parameter, Ask(Select, Protobuf.Bytes(1, [1])).Error);
    }

    [Fact]
    public void Targetinfo_and_size_are_told()
    {
        (AesmError error, List<ProtobufField> fields) = Ask(Init, Key(1), Protobuf.Number(3, 0));
        Assert.Equal((AesmError.Success, 32ul), (error, fields.Single(field => field.Number == 3).Value));
        Assert.Equal(new byte[512], Bytes(fields, 2));
        fields = Ask(Init, Key(1), Protobuf.Number(3, 1), Protobuf.Number(4, 32)).Fields;
        Assert.Equal(World.Bytes(_world.Service.Targetinfo), Bytes(fields, 2));
        Assert.Equal(_world.Service.KeyHash, Bytes(fields, 4));
        Assert.Equal(AesmError.Parameter, Ask(Init, Key(1), Protobuf.Number(3, 1), Protobuf.Number(4, 31)).Error);
        Assert.Equal(AesmError.Parameter, Ask(Init).Error);
        Assert.Equal((ulong)_world.Service.QuoteLength, Ask(Size, Key(1)).Fields[1].Value);
        Assert.Equal(AesmError.Parameter, Ask(Size, Protobuf.Bytes(1, new byte[255])).Error);
        Assert.Equal(AesmError.UnsupportedAttestationKey, Ask(Size, Protobuf.Bytes(1, new byte[256])).Error);
    }

    [Fact]
    public void A_quote_is_padded_and_the_quoting_enclave_reports_on_it()
    {
        SoftwareEnclave asking = _world.Software(new ReportBody { Isvsvn = 9, Attributes = new Attributes(AttributeFlags.Init, 3) });
        Report report = asking.Report(_world.Service.Targetinfo, [1]);
        byte[] information = [.. new byte[16], .. World.Bytes(asking.Targetinfo), .. new byte[432]];
        (AesmError error, List<ProtobufField> fields) =
            Ask(Get, Protobuf.Bytes(1, World.Bytes(report)), Key(2), Protobuf.Bytes(3, information), Protobuf.Number(4, 8192));
        Assert.Equal(AesmError.Success, error);
        byte[] quote = Bytes(fields, 2), answer = Bytes(fields, 3);
        Assert.Equal((8192, 960), (quote.Length, answer.Length));
        Report own = MemoryMarshal.Read<Report>(answer.AsSpan(528));
        Assert.True(asking.Verify(own));
        Assert.Equal(SHA256.HashData([.. new byte[16], .. quote[.._world.Service.QuoteLength]]), World.Bytes(own.Body.Reportdata)[..32]);
        Assert.True(_world.Verify(quote).Holds);

        byte[][] right = [Protobuf.Bytes(1, World.Bytes(report)), Key(2), Protobuf.Number(4, (ulong)_world.Service.QuoteLength)];
        Assert.Equal(AesmError.Success, Ask(Get, right).Error);
        Assert.Equal(AesmError.Parameter, Ask(Get, right[0], right[1], Protobuf.Number(4, (ulong)_world.Service.QuoteLength - 1)).Error);
        Assert.Equal(AesmError.Parameter, Ask(Get, right[0], right[1], Protobuf.Number(4, uint.MaxValue)).Error);
        Assert.Equal(AesmError.Parameter, Ask(Get, Protobuf.Bytes(1, new byte[431]), right[1], right[2]).Error);
        Assert.Equal(AesmError.Parameter, Ask(Get, right[0], right[1], right[2], Protobuf.Bytes(3, new byte[959])).Error);
        Assert.Equal(AesmError.Parameter, Ask(Get, right[0], right[2]).Error);
        Assert.Equal(AesmError.InvalidReport, Ask(Get, Protobuf.Bytes(1, new byte[432]), right[1], right[2]).Error);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(14)]
    [InlineData(18)]
    [InlineData(99)]
    public void What_is_gone_is_not_there(int kind) => Assert.Equal(AesmError.ServiceUnavailable, Ask(kind, Unsupported).Error);

    [Fact]
    public void What_is_no_message_is_not_answered()
    {
        Assert.Null(_service.Answer(Array.Empty<byte>()));
        Assert.Null(_service.Answer(new byte[] { 0x7a, 0xff, 0xff, 0xff, 0xff, 0x0f }));
        Assert.Null(_service.Answer(Protobuf.Number(15, 1)));
        Assert.Null(_service.Answer((byte[])[.. Protobuf.Bytes(21, []), .. Protobuf.Bytes(21, [])]));
        Assert.Null(_service.Answer(Protobuf.Bytes(15, [0xff])));
    }

    [Fact]
    public void Any_bytes_are_answered_or_not()
    {
        byte[] whole = Protobuf.Bytes(Get, [.. Protobuf.Bytes(1, World.Bytes(_world.Report())), .. Key(2), .. Protobuf.Number(4, 8192)]);
        Prop.ForAll<byte[]>(bytes => _ = _service.Answer(bytes)).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
        Prop.ForAll<NonNegativeInt, byte, NonNegativeInt>((at, value, cut) =>
        {
            byte[] damaged = [.. whole];
            damaged[at.Get % 700] = value;
            _ = _service.Answer(damaged.AsMemory(0, damaged.Length - (cut.Get % damaged.Length)));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
    }
}
