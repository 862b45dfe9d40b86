namespace Cloister.Host;

/// <summary>Hears each exit of a call and decides how it goes on. It runs outside the enclave, on the calling thread.</summary>
/// <param name="thread">The thread of the enclave that was left; a handler may enter it again,
/// as for an exception inside (CSSA permitting).</param>
/// <param name="exit">How it was left.</param>
public delegate ExitDecision ExitHandler(EnclaveThread thread, EnclaveExit exit);

/// <summary>What is done after an exit.</summary>
public readonly record struct ExitDecision
{
    private ExitDecision(Choice choice, EnclaveRegisters registers = default)
    {
        Chosen = choice;
        Registers = registers;
    }

    internal enum Choice
    {
        Finish,
        Enter,
        Resume,
    }

    /// <summary>The call is over: after EEXIT it returns, after an exception it throws <see cref="EnclaveFaultException"/>.</summary>
    public static ExitDecision Finish { get; } = new(Choice.Finish);

    /// <summary>ERESUME: go on where the exception was.</summary>
    public static ExitDecision Resume { get; } = new(Choice.Resume);

    internal Choice Chosen { get; }

    internal EnclaveRegisters Registers { get; }

    /// <summary>EENTER again, as after an outside call.</summary>
    public static ExitDecision Enter(EnclaveRegisters registers) => new(Choice.Enter, registers);
}
