namespace Sgx2Sample;

/// <summary>What the enclave can be asked for, in RDI.</summary>
internal enum Request : ulong
{
    /// <summary>The number at RSI grows by RDX; the answer is the sum.</summary>
    Add,

    /// <summary>The answer is the number at RSI.</summary>
    Read,

    /// <summary>EACCEPT of RDX pages from RSI on, whose SECINFO.FLAGS are R8; the answer is the first error code, or 0.</summary>
    Accept,

    /// <summary>EMODPE of the page at RSI to the permissions in R8.</summary>
    Extend,

    /// <summary>Writes a TCS into the page at RSI: OSSA is RDX, OENTRY is 0.</summary>
    MakeThread,

    /// <summary>With buffers: the answer is the sum of the numbers in the input, 8 bytes each and at least one.</summary>
    Sum,
}
