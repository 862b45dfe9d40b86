using Cloister.Architecture;
using Cloister.Attestation.Services;

namespace Cloister.Attestation.Libraries;

/// <summary>
/// AESM's client: libsgx_quote_ex. linux-sgx, psw/uae_service/sgx_uae_service.cpp: what it checks itself, and what it makes of AESM's
/// errors.
/// </summary>
internal static class QuoteExLibrary
{
    // sgx_status_t: linux-sgx, common/inc/sgx_error.h.
    private const uint Success = 0, Unexpected = 1, InvalidParameter = 2, MacMismatch = 0x3001, ServiceUnavailable = 0x4001,
        UnsupportedKey = 0x8001;

    private const int HashLength = 32, InformationLength = 16 + Targetinfo.SizeInBytes + Report.SizeInBytes;

    public static AttestationLibrary Library { get; } = new(["libsgx_quote_ex.so.1", "libsgx_quote_ex.so"], ServiceUnavailable,
    [
        new("sgx_select_att_key_id", Select),
        new("sgx_init_quote_ex", Init),
        new("sgx_get_quote_size_ex", Size),
        new("sgx_get_quote_ex", Quote),
        new("sgx_get_supported_att_key_id_num", Count),
        new("sgx_get_supported_att_key_ids", List),
    ]);

    private static async Task<uint> Select(LibraryCall call)
    {
        uint length = call.UInt32(1);
        if ((call.Pointer(0) == 0 && length != 0) || call.Pointer(2) == 0 || length > AesmService.LongestRequest)
        {
            return InvalidParameter;
        }

        byte[] list = call.Pointer(0) == 0 ? [] : Protobuf.Bytes(1, await call.Read(0, (int)length).ConfigureAwait(false));
        (uint error, List<ProtobufField> answer) = Ask(call, AesmService.Select, list);
        return error != Success ? error : await Put(call, 2, answer, 2).ConfigureAwait(false);
    }

    private static async Task<uint> Init(LibraryCall call)
    {
        if (call.Pointer(0) == 0 || call.Pointer(1) == 0 || call.Pointer(2) == 0)
        {
            return InvalidParameter;
        }

        ulong room = BitConverter.ToUInt64(await call.Read(2, sizeof(ulong)).ConfigureAwait(false));
        bool wantsHash = call.Pointer(3) != 0;
        if (wantsHash && room is 0 or >= uint.MaxValue)
        {
            return InvalidParameter;
        }

        byte[] key = await call.Read(0, AttestationKeyId.Length).ConfigureAwait(false);
        (uint error, List<ProtobufField> answer) = Ask(call, AesmService.Init,
            [.. Protobuf.Bytes(1, key), .. Protobuf.Number(3, wantsHash ? 1u : 0), .. Protobuf.Number(4, wantsHash ? room : 0)]);
        if (error != Success)
        {
            return error;
        }

        _ = await Put(call, 1, answer, 2).ConfigureAwait(false);
        await call.Write(2, (ulong)HashLength).ConfigureAwait(false);
        return wantsHash ? await Put(call, 3, answer, 4).ConfigureAwait(false) : Success;
    }

    private static async Task<uint> Size(LibraryCall call)
    {
        if (call.Pointer(0) == 0 || call.Pointer(1) == 0)
        {
            return InvalidParameter;
        }

        byte[] key = await call.Read(0, AttestationKeyId.Length).ConfigureAwait(false);
        (uint error, List<ProtobufField> answer) = Ask(call, AesmService.Size, Protobuf.Bytes(1, key));
        return error != Success ? error : await PutNumber(call, 1, answer).ConfigureAwait(false);
    }

    private static async Task<uint> Quote(LibraryCall call)
    {
        if (call.Pointer(0) == 0 || call.Pointer(1) == 0 || call.Pointer(3) == 0 || call.UInt32(4) == 0)
        {
            return InvalidParameter;
        }

        byte[] report = await call.Read(0, Report.SizeInBytes).ConfigureAwait(false), key = await call.Read(1, AttestationKeyId.Length)
            .ConfigureAwait(false);
        byte[] information = call.Pointer(2) == 0 ? [] : Protobuf.Bytes(3, await call.Read(2, InformationLength).ConfigureAwait(false));
        (uint error, List<ProtobufField> answer) = Ask(call, AesmService.Get,
            [.. Protobuf.Bytes(1, report), .. Protobuf.Bytes(2, key), .. information, .. Protobuf.Number(4, call.UInt32(4))]);
        if (error != Success)
        {
            return error;
        }

        if (call.Pointer(2) != 0)
        {
            _ = await Put(call, 2, answer, 3).ConfigureAwait(false);
        }

        return await Put(call, 3, answer, 2).ConfigureAwait(false);
    }

    private static async Task<uint> Count(LibraryCall call)
    {
        if (call.Pointer(0) == 0)
        {
            return InvalidParameter;
        }

        (uint error, List<ProtobufField> answer) = Ask(call, AesmService.Count, []);
        return error != Success ? error : await PutNumber(call, 0, answer).ConfigureAwait(false);
    }

    private static async Task<uint> List(LibraryCall call)
    {
        ulong length = (ulong)call.UInt32(1) * AttestationKeyId.Length;
        if (call.Pointer(0) == 0 || length is 0 or > uint.MaxValue)
        {
            return InvalidParameter;
        }

        (uint error, List<ProtobufField> answer) = Ask(call, AesmService.List, Protobuf.Number(1, length));
        return error != Success ? error : await Put(call, 0, answer, 2).ConfigureAwait(false);
    }

    // A field of bytes goes to where an argument points.
    private static async Task<uint> Put(LibraryCall call, int argument, List<ProtobufField> answer, int number)
    {
        if (answer.Find(field => field.Number == number) is not { Bytes: { } bytes })
        {
            return Unexpected;
        }

        await call.Write(argument, bytes).ConfigureAwait(false);
        return Success;
    }

    private static async Task<uint> PutNumber(LibraryCall call, int argument, List<ProtobufField> answer)
    {
        await call.Write(argument, (uint)(answer.Find(field => field.Number == 2).Value)).ConfigureAwait(false);
        return Success;
    }

    private static (uint Error, List<ProtobufField> Answer) Ask(LibraryCall call, int kind, byte[] fields)
    {
        if (call.Services.Aesm.Answer(Protobuf.Bytes(kind, fields)) is not { } answer
            || !Protobuf.TryParse(answer, out List<ProtobufField>? outer) || outer is not [{ Bytes: { } body }]
            || !Protobuf.TryParse(body, out List<ProtobufField>? inner))
        {
            return (Unexpected, []);
        }

        var error = (AesmError)(inner.Find(field => field.Number == 1).Value);
        return (error switch
        {
            AesmError.Success => Success,
            AesmError.Parameter => InvalidParameter,
            AesmError.ServiceUnavailable => ServiceUnavailable,
            AesmError.UnsupportedAttestationKey => UnsupportedKey,
            AesmError.InvalidReport => MacMismatch,
            _ => Unexpected,
        }, inner);
    }
}
