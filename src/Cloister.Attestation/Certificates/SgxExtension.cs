using System.Formats.Asn1;
using Cloister.Attestation.Platforms;

namespace Cloister.Attestation.Certificates;

/// <summary>
/// The extension of a PCK certificate. Intel, "SGX PCK Certificate and CRL Profile Specification"; the order is that of Intel's
/// certificates.
/// </summary>
public sealed record SgxExtension
{
    /// <summary>Its object identifier; those of its members begin with it.</summary>
    public const string Oid = "1.2.840.113741.1.13.1";

    private const int CpusvnLength = 16;

    /// <summary>PPID, 16 bytes in hexadecimal digits.</summary>
    public required string Ppid { get; init; }

    /// <summary>The versions that it is for.</summary>
    public required TcbVersion Version { get; init; }

    /// <summary>PCEID, 2 bytes.</summary>
    public string Pceid { get; init; } = "0000";

    /// <summary>FMSPC, 6 bytes.</summary>
    public required string Fmspc { get; init; }

    /// <summary>0 standard, 1 scalable.</summary>
    public int SgxType { get; init; }

    /// <summary>The platform instance, 16 bytes; empty in certificates of the processor CA, as are the flags.</summary>
    public string InstanceId { get; init; } = "";

    /// <summary>Packages can be added; keys are kept; multithreading is on.</summary>
    public (bool Dynamic, bool CachedKeys, bool Smt) Flags { get; init; }

    private enum Kind
    {
        Standard,
        Scalable,
        ScalableWithIntegrity,
    }

    /// <summary>Its DER.</summary>
    public byte[] Encode()
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            Pair(writer, "1", () => writer.WriteOctetString(Convert.FromHexString(Ppid)));
            Pair(writer, "2", () =>
            {
                using (writer.PushSequence())
                {
                    byte[] components = Version.Components;
                    for (int i = 0; i < CpusvnLength; i++)
                    {
                        int component = components[i];
                        Pair(writer, $"2.{i + 1}", () => writer.WriteInteger(component));
                    }

                    Pair(writer, "2.17", () => writer.WriteInteger(Version.Pcesvn));
                    Pair(writer, "2.18", () => writer.WriteOctetString(components));
                }
            });
            Pair(writer, "3", () => writer.WriteOctetString(Convert.FromHexString(Pceid)));
            Pair(writer, "4", () => writer.WriteOctetString(Convert.FromHexString(Fmspc)));
            Pair(writer, "5", () => writer.WriteEnumeratedValue((Kind)SgxType));
            if (InstanceId.Length > 0)
            {
                Pair(writer, "6", () => writer.WriteOctetString(Convert.FromHexString(InstanceId)));
                Pair(writer, "7", () =>
                {
                    using (writer.PushSequence())
                    {
                        Pair(writer, "7.1", () => writer.WriteBoolean(Flags.Dynamic));
                        Pair(writer, "7.2", () => writer.WriteBoolean(Flags.CachedKeys));
                        Pair(writer, "7.3", () => writer.WriteBoolean(Flags.Smt));
                    }
                });
            }
        }

        return writer.Encode();
    }

    /// <summary>Reads it.</summary>
    /// <exception cref="AttestationException">It is none.</exception>
    public static SgxExtension Read(ReadOnlyMemory<byte> der)
    {
        try
        {
            Dictionary<string, AsnReader> members = Pairs(new AsnReader(der, AsnEncodingRules.DER).ReadSequence());
            Dictionary<string, AsnReader> tcb = Pairs(members["2"].ReadSequence());
            byte[] components = new byte[CpusvnLength];
            for (int i = 0; i < CpusvnLength; i++)
            {
                components[i] = tcb[$"2.{i + 1}"].TryReadUInt32(out uint value) && value <= byte.MaxValue ? (byte)value
                    : throw new AttestationException($"component {i + 1} of its TCB is no byte");
            }

            ushort pcesvn = tcb["2.17"].TryReadUInt32(out uint number) && number <= ushort.MaxValue ? (ushort)number
                : throw new AttestationException("its PCESVN is not of 16 bits");
            Dictionary<string, AsnReader>? flags = members.TryGetValue("7", out AsnReader? configuration)
                ? Pairs(configuration.ReadSequence()) : null;
            return new SgxExtension
            {
                Ppid = Octets(members["1"], 16),
                Version = new TcbVersion(Convert.ToHexStringLower(components), pcesvn),
                Pceid = Octets(members["3"], 2),
                Fmspc = Octets(members["4"], 6).ToUpperInvariant(),
                SgxType = (int)members["5"].ReadEnumeratedValue<Kind>(),
                InstanceId = members.TryGetValue("6", out AsnReader? instance) ? Octets(instance, 16) : "",
                Flags = flags is null ? default : (flags["7.1"].ReadBoolean(), flags["7.2"].ReadBoolean(), flags["7.3"].ReadBoolean()),
            };
        }
        catch (Exception e) when (e is AsnContentException or KeyNotFoundException or ArgumentException or InvalidOperationException)
        {
            throw new AttestationException("the PCK certificate's SGX extension is not as its profile wants it", e);
        }
    }

    private static void Pair(AsnWriter writer, string below, Action value)
    {
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier($"{Oid}.{below}");
            value();
        }
    }

    private static Dictionary<string, AsnReader> Pairs(AsnReader sequence)
    {
        Dictionary<string, AsnReader> pairs = [];
        while (sequence.HasData)
        {
            AsnReader pair = sequence.ReadSequence();
            string oid = pair.ReadObjectIdentifier();
            pairs.Add(oid.StartsWith(Oid + ".", StringComparison.Ordinal) ? oid[(Oid.Length + 1)..] : oid, pair);
        }

        return pairs;
    }

    private static string Octets(AsnReader reader, int length)
    {
        byte[] octets = reader.ReadOctetString();
        return octets.Length == length ? Convert.ToHexStringLower(octets)
            : throw new AttestationException($"a member of its SGX extension has {octets.Length} bytes and not {length}");
    }
}
