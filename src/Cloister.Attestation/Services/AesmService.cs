using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Attestation.Quotes;

namespace Cloister.Attestation.Services;

/// <summary>
/// What the architectural enclave service manager answers: the six messages for quotes. linux-sgx,
/// psw/ae/aesm_service/source/core/ipc/messages.proto and bundles/quote_ex_service_bundle; DCAP, quote_wrapper/quote/qe_logic.cpp. Requests
/// for what is gone (EPID, launch, platform services) get an error.
/// </summary>
public sealed class AesmService
{
    /// <summary>The most bytes of a request; the largest that there is has less than 3 KiB.</summary>
    public const int LongestRequest = 64 << 10;

    // A quote is padded to the caller's buffer; nobody asks for more.
    private const ulong LargestBuffer = 1 << 20;

    internal const int Init = 15, Size = 16, Get = 17, Select = 19, Unsupported = 20, Count = 21, List = 22;
    private const int NonceLength = 16, HashLength = 32, MostKeys = 10;

    private readonly QuotingService _quoting;

    /// <summary>Over a quoting service.</summary>
    public AesmService(QuotingService quoting) => _quoting = quoting;

    /// <summary>Answers a request; null when it is none, and the connection is closed.</summary>
    public byte[]? Answer(ReadOnlyMemory<byte> request)
    {
        if (!Protobuf.TryParse(request, out List<ProtobufField>? outer) || outer is not [{ Bytes: { } body } one]
            || !Protobuf.TryParse(body, out List<ProtobufField>? fields))
        {
            return null;
        }

        (AesmError error, byte[] answer) = one.Number switch
        {
            Init => InitQuote(fields),
            Size => IsKey(fields, 1) is var error1 && error1 != AesmError.Success ? (error1, [])
                : (AesmError.Success, Protobuf.Number(2, (ulong)_quoting.QuoteLength)),
            Get => GetQuote(fields),
            Select => SelectKey(fields),
            Count => (AesmError.Success, Protobuf.Number(2, 1)),
            List => Number(fields, 1) >= AttestationKeyId.Length ? (AesmError.Success, Protobuf.Bytes(2, AttestationKeyId.Own))
                : (AesmError.Parameter, []),
            _ => (AesmError.ServiceUnavailable, []),
        };
        int kind = one.Number is Init or Size or Get or Select or Count or List ? one.Number : Unsupported;
        return Protobuf.Bytes(kind, [.. Protobuf.Number(1, (ulong)error), .. answer]);
    }

    private (AesmError Error, byte[] Fields) InitQuote(List<ProtobufField> fields)
    {
        if (IsKey(fields, 1) is var error && error != AesmError.Success)
        {
            return (error, []);
        }

        // Without the hash only its size is asked for, and TARGETINFO stays empty.
        if (Number(fields, 3) == 0)
        {
            return (AesmError.Success, [.. Protobuf.Bytes(2, new byte[Targetinfo.SizeInBytes]), .. Protobuf.Number(3, HashLength)]);
        }

        QuotingEnclave enclave = _quoting.Enclave;
        Targetinfo target = enclave.Targetinfo;
        return Number(fields, 4) < HashLength ? (AesmError.Parameter, [])
            : (AesmError.Success,
                [.. Protobuf.Bytes(2, Bytes(in target)), .. Protobuf.Number(3, HashLength), .. Protobuf.Bytes(4, enclave.KeyHash)]);
    }

    private (AesmError Error, byte[] Fields) GetQuote(List<ProtobufField> fields)
    {
        if (IsKey(fields, 2) is var error && error != AesmError.Success)
        {
            return (error, []);
        }

        QuotingEnclave enclave = _quoting.Enclave;
        ulong buffer = Number(fields, 4);
        ReadOnlyMemory<byte>? information = Bytes(fields, 3);
        if (Bytes(fields, 1) is not { Length: Report.SizeInBytes } report || buffer < (ulong)enclave.QuoteLength || buffer > LargestBuffer
            || information is { Length: not (NonceLength + Targetinfo.SizeInBytes + Report.SizeInBytes) })
        {
            return (AesmError.Parameter, []);
        }

        if (enclave.Quote(MemoryMarshal.Read<Report>(report.Span)) is not { } quote)
        {
            return (AesmError.InvalidReport, []);
        }

        byte[] padded = new byte[buffer];
        quote.CopyTo(padded, 0);
        byte[] answer = Protobuf.Bytes(2, padded);
        if (information is { } asked)
        {
            Report own = enclave.ReportOn(quote, asked.Span[..NonceLength], MemoryMarshal.Read<Targetinfo>(asked.Span[NonceLength..]));
            answer = [.. answer, .. Protobuf.Bytes(3, [.. asked.Span[..(NonceLength + Targetinfo.SizeInBytes)], .. Bytes(in own)])];
        }

        return (AesmError.Success, answer);
    }

    // A list of identifiers from which the first that there is shall be taken; none: the one that there is.
    private static (AesmError Error, byte[] Fields) SelectKey(List<ProtobufField> fields)
    {
        const int header = 8;
        if (Bytes(fields, 1) is not { } list)
        {
            return (AesmError.Success, Protobuf.Bytes(2, AttestationKeyId.Own));
        }

        ReadOnlySpan<byte> bytes = list.Span;
        if (bytes.Length < header || BinaryPrimitives.ReadUInt32LittleEndian(bytes) != 0
            || BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]) is var count
                && (count > MostKeys || bytes.Length != header + count * AttestationKeyId.Length))
        {
            return (AesmError.Parameter, []);
        }

        for (int at = header; at < bytes.Length; at += AttestationKeyId.Length)
        {
            if (AttestationKeyId.IsOwn(bytes.Slice(at, AttestationKeyId.Length)))
            {
                return (AesmError.Success, Protobuf.Bytes(2, bytes.Slice(at, AttestationKeyId.Length)));
            }
        }

        return (AesmError.UnsupportedAttestationKey, []);
    }

    private static AesmError IsKey(List<ProtobufField> fields, int field) => Bytes(fields, field) switch
    {
        { Length: AttestationKeyId.Length } id => AttestationKeyId.IsOwn(id.Span) ? AesmError.Success : AesmError.UnsupportedAttestationKey,
        _ => AesmError.Parameter,
    };

    private static ReadOnlyMemory<byte>? Bytes(List<ProtobufField> fields, int number)
    {
        int at = fields.FindLastIndex(field => field.Number == number);
        return at < 0 ? null : fields[at].Bytes;
    }

    private static ulong Number(List<ProtobufField> fields, int number)
    {
        int at = fields.FindLastIndex(field => field.Number == number);
        return at < 0 ? 0 : fields[at].Value;
    }

    private static byte[] Bytes<T>(in T value)
        where T : struct => MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray();
}
