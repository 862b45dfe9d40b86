namespace Cloister.Attestation.Platforms;

/// <summary>The two versions that a PCK certificate is for.</summary>
/// <param name="Cpusvn">CPUSVN, 32 hexadecimal digits; component i of the TCB is its byte i.</param>
/// <param name="Pcesvn">ISVSVN of the PCE.</param>
public readonly record struct TcbVersion(string Cpusvn, ushort Pcesvn)
{
    /// <summary>The components.</summary>
    public byte[] Components => Convert.FromHexString(Cpusvn);

    /// <summary>Whether each component and PCESVN is that of another or newer.</summary>
    public bool Covers(TcbVersion other) => Pcesvn >= other.Pcesvn && Components.Zip(other.Components)
        .All(pair => pair.First >= pair.Second);

    /// <summary>SGX-TCBm: CPUSVN and PCESVN, little endian.</summary>
    public string Tcbm => $"{Cpusvn}{Pcesvn & 0xff:x2}{Pcesvn >> 8:x2}".ToUpperInvariant();
}
