namespace Cloister.Processor;

/// <summary>What is wrong with a SIGSTRUCT, in the order of EINIT's checks.</summary>
public enum SigstructDefect
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>It is not 1808 bytes long.</summary>
    Length,

    /// <summary>HEADER is not the constant.</summary>
    Header,

    /// <summary>VENDOR is neither 0 nor 0x8086.</summary>
    Vendor,

    /// <summary>HEADER2 is not the constant.</summary>
    Header2,

    /// <summary>EXPONENT is not 3.</summary>
    Exponent,

    /// <summary>A reserved byte is not zero.</summary>
    Reserved,

    /// <summary>SIGNATURE is not below MODULUS.</summary>
    SignatureRange,

    /// <summary>Q1 is not floor(SIGNATURE^2 / MODULUS).</summary>
    Q1,

    /// <summary>Q2 is not floor((SIGNATURE^3 - Q1 * SIGNATURE * MODULUS) / MODULUS).</summary>
    Q2,

    /// <summary>SIGNATURE^3 mod MODULUS is not padded as PKCS #1 v1.5 does for SHA-256.</summary>
    Padding,

    /// <summary>The digest that was signed is another one.</summary>
    Digest,
}
