namespace JitSample;

/// <summary>What the enclave can be asked for, in RDI.</summary>
internal enum Request : ulong
{
    /// <summary>Compiles the RDX steps at RSI into the page at R8. The answer is EACCEPTCOPY's error code, or <see cref="Compiler.TooLong"/>.</summary>
    Compile,

    /// <summary>The answer is what the function in the page at R8 makes of RSI.</summary>
    Run,

    /// <summary>Writes into the page at R8, as an attacker would.</summary>
    Overwrite,
}
