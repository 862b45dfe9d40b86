using Cloister.Architecture;

namespace Cloister.Driver.Pages;

/// <summary>
/// Backing that the program gave (v16 18/22, 7 November 2018: "could we have userspace provide the backing"): memory of
/// its own or a file it has mapped. The pages lie by number with the SECS behind the last, the PCMDs likewise, in a
/// buffer of their own or behind the pages. What is there is the program's to change, and ELDU's to find out.
/// </summary>
/// <param name="addressSpace">The program's.</param>
/// <param name="contents">Address of the pages, page aligned.</param>
/// <param name="pcmds">Address of the PCMDs, aligned to their size.</param>
internal sealed class UserBacking(IAddressSpace addressSpace, LinearAddress contents, LinearAddress pcmds) : IEnclaveBacking
{
    private readonly byte[] _contents = new byte[LinearAddress.PageSize];
    private readonly byte[] _pcmd = new byte[Architecture.Pcmd.SizeInBytes];

    /// <summary>Bytes of the pages of an enclave and of its SECS.</summary>
    public static ulong LengthOfContents(ulong enclaveSize) => enclaveSize + LinearAddress.PageSize;

    /// <summary>Bytes of their PCMDs.</summary>
    public static ulong LengthOfPcmds(ulong enclaveSize) =>
        LengthOfContents(enclaveSize) / LinearAddress.PageSize * (ulong)Architecture.Pcmd.SizeInBytes;

    public int Rent(ulong index) => checked((int)index);

    public bool Fetch(int handle) =>
        addressSpace.Read(AddressOfContents(handle), _contents) && addressSpace.Read(AddressOfPcmd(handle), _pcmd);

    public Span<byte> Contents(int handle) => _contents;

    public Span<byte> Pcmd(int handle) => _pcmd;

    public bool Commit(int handle) =>
        addressSpace.Write(AddressOfContents(handle), _contents) && addressSpace.Write(AddressOfPcmd(handle), _pcmd);

    public void Spoil(int handle)
    {
        // It stays as the program has it: with the right bytes in their place the page comes back.
    }

    public void Return(int handle)
    {
    }

    private LinearAddress AddressOfContents(int handle) => contents + ((ulong)handle * LinearAddress.PageSize);

    private LinearAddress AddressOfPcmd(int handle) => pcmds + ((ulong)handle * (ulong)Architecture.Pcmd.SizeInBytes);
}
