using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>Hears what the machine does. It changes nothing and must not throw.</summary>
public interface IMachineObserver
{
    /// <summary>Hears nothing.</summary>
    static IMachineObserver Silent { get; } = new SilentObserver();

    /// <summary>A leaf of ENCLS ended.</summary>
    /// <param name="leaf">Which.</param>
    /// <param name="page">The EPC page it was about; none for EREMOVE of a page that was not in use.</param>
    /// <param name="address">The enclave's linear address of the page, or 0.</param>
    /// <param name="result">How it ended.</param>
    void EnclsExecuted(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result)
    {
    }

    /// <summary>EEXTEND measured bytes of a page; of a whole page this is told once.</summary>
    /// <param name="page">The EPC page.</param>
    /// <param name="address">The enclave's linear address of the first byte.</param>
    /// <param name="length">How many: 256, or a page.</param>
    void Measured(EpcPage page, LinearAddress address, int length)
    {
    }

    /// <summary>A leaf of ENCLU ended.</summary>
    /// <param name="leaf">Which.</param>
    /// <param name="processor">Who executed it.</param>
    /// <param name="address">The linear address it was about: a TCS, a page, where EEXIT goes; or 0.</param>
    /// <param name="result">How it ended.</param>
    void EncluExecuted(EncluLeaf leaf, LogicalProcessor processor, LinearAddress address, LeafResult result)
    {
    }

    /// <summary>An asynchronous exit was taken.</summary>
    /// <param name="processor">Who.</param>
    /// <param name="vector">The exception, or null for an interrupt.</param>
    /// <param name="errorCode">The exception's error code.</param>
    /// <param name="address">For #PF the address.</param>
    void AexTaken(LogicalProcessor processor, ExceptionVector? vector, uint errorCode, LinearAddress address)
    {
    }

    /// <summary>Why ECREATE or EINIT, or the driver before it executes them, refuses an enclave, or EADD a TCS.</summary>
    /// <param name="leaf">ECREATE, EADD or EINIT.</param>
    /// <param name="secs">The page of the SECS.</param>
    /// <param name="sigstruct">EINIT's operand; empty for the others.</param>
    /// <param name="field">The field that is wrong, in the manual's words; for EADD the page and the byte too.</param>
    /// <param name="expected">What it must be; bytes and bits in hexadecimal.</param>
    /// <param name="found">What it is.</param>
    void EnclaveRefused(EnclsLeaf leaf, EpcPage secs, ReadOnlySpan<byte> sigstruct, string field, string expected, string found)
    {
    }

    /// <summary>EGETKEY gave a key, or refused it for what the request says.</summary>
    /// <param name="request">What was asked for.</param>
    /// <param name="result">How it ended.</param>
    void KeyRequested(in Keyrequest request, LeafResult result)
    {
    }

    private sealed class SilentObserver : IMachineObserver;
}
