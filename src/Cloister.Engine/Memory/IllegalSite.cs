using Cloister.Engine.Instructions;
using Cloister.Linux;

namespace Cloister.Engine.Memory;

/// <summary>An instruction in an enclave's page that has to raise #UD and would execute.</summary>
/// <param name="file">The enclave's file.</param>
/// <param name="address">Where it begins.</param>
/// <param name="second">Its second byte. The first is UD2's too, so one byte is all that ever changes.</param>
internal sealed class IllegalSite(IPageBytes file, ulong address, byte second)
{
    /// <summary>Where it begins, in every address space that has the enclave.</summary>
    public ulong Address { get; } = address;

    /// <summary>Its second byte.</summary>
    public byte Second { get; } = second;

    /// <summary>A breakpoint stops it, in every address space where it can be executed; it stands as the program
    /// wrote it then, and else as UD2.</summary>
    public bool IsGuarded { get; private set; }

    /// <summary>Whether the bytes are still those that were found: an enclave may write into its own code.</summary>
    public bool IsThere => Byte(Address) == EnclaveCode.EscapeByte && Byte(Address + 1) == (IsGuarded ? Second : EnclaveCode.Ud2SecondByte);

    /// <summary>Puts UD2 in its place. Threads may run: whichever byte they fetch, they stop.</summary>
    public void Replace()
    {
        if (Byte(Address) == EnclaveCode.EscapeByte && Byte(Address + 1) == Second)
        {
            Byte(Address + 1) = EnclaveCode.Ud2SecondByte;
        }

        IsGuarded = false;
    }

    /// <summary>Puts back what the program wrote, once breakpoints are set.</summary>
    public void PutBack()
    {
        if (Byte(Address) == EnclaveCode.EscapeByte && Byte(Address + 1) == EnclaveCode.Ud2SecondByte)
        {
            Byte(Address + 1) = Second;
        }

        IsGuarded = true;
    }

    private ref byte Byte(ulong at) => ref file.Bytes(HostPage.Start(at) - file.Base)[HostPage.Offset(at)];
}
