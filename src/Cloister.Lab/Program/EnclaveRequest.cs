namespace Cloister.Lab.Program;

/// <summary>What the enclave can be asked for, in RDI.</summary>
/// <remarks>
/// A list of uses is at RSI, RDX of them, 8 bytes each: the address of a page, bit 0 set for its first use, bit 1 set when the page may be
/// accepted. R8 is SECINFO.FLAGS, R9 the page where code is emitted. The answer: RDX is an error code or 0, RSI where in the list it
/// stopped, R8 the sum of what the uses gave.
/// </remarks>
internal enum EnclaveRequest : ulong
{
    /// <summary>Each use adds 1 to the page's first number and gives that number.</summary>
    Touch,

    /// <summary>The same, with an EACCEPT before a page's first use. Leaves before a page that may not be accepted yet.</summary>
    AcceptAndTouch,

    /// <summary>Each use calls the function in the page, which gives the page's number.</summary>
    Call,

    /// <summary>
    /// The same, with code emitted and brought in by EACCEPTCOPY before a page's first use. Leaves as <see cref="AcceptAndTouch"/>.
    /// </summary>
    AcceptCodeAndCall,

    /// <summary>The same, with code emitted into the page itself before its first use.</summary>
    EmitAndCall,

    /// <summary>In a handler: EACCEPT of the page at RSI.</summary>
    AcceptOne,

    /// <summary>In a handler: code emitted and brought into the page at RSI by EACCEPTCOPY.</summary>
    AcceptCodeOne,
}
