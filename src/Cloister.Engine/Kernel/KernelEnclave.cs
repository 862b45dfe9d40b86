using Cloister.Architecture;
using Cloister.Driver;

namespace Cloister.Engine.Kernel;

/// <summary>An open file of /dev/sgx_enclave of the kernel's driver, and what the leaves that it executed show of the enclave.</summary>
/// <remarks>struct sgx_encl is the driver's own: nobody looks into it.</remarks>
internal sealed class KernelEnclave(nint file, IEnclaveStorage storage) : IOpenEnclave
{
    private byte[] _sigstruct = [], _mrenclave = [], _mrsigner = [];

    /// <summary>struct file.</summary>
    public nint File => file;

    /// <inheritdoc/>
    public IEnclaveStorage Storage => storage;

    /// <inheritdoc/>
    public bool IsCreated => Eid != 0;

    /// <inheritdoc/>
    public bool IsInitialized => _sigstruct.Length > 0;

    /// <inheritdoc/>
    public bool IsDebug => Attributes.HasFlag(AttributeFlags.Debug);

    /// <inheritdoc/>
    public bool IsReleased { get; set; }

    /// <inheritdoc/>
    public bool IsDead => false;

    /// <inheritdoc/>
    public bool IsSuspended => false;

    /// <inheritdoc/>
    public ulong Eid { get; private set; }

    /// <inheritdoc/>
    public LinearAddress Base { get; private set; }

    /// <inheritdoc/>
    public ulong Size { get; private set; }

    /// <inheritdoc/>
    public AttributeFlags Attributes { get; private set; }

    /// <inheritdoc/>
    public EpcPage SecsPage { get; set; } = EpcPage.None;

    /// <summary>Whether the SECS is written out.</summary>
    public bool IsSecsWrittenOut { get; set; }

    /// <inheritdoc/>
    public int PageCount => Pages.Count;

    /// <inheritdoc/>
    public int ResidentPageCount { get; set; }

    /// <inheritdoc/>
    public ReadOnlyMemory<byte> Sigstruct => _sigstruct;

    /// <inheritdoc/>
    public (ReadOnlyMemory<byte> Enclave, ReadOnlyMemory<byte> Signer) Identity => IsInitialized ? (_mrenclave, _mrsigner) : default;

    /// <summary>Its pages, by linear page number.</summary>
    public Dictionary<ulong, KernelPage> Pages { get; } = [];

    /// <summary>ECREATE was done.</summary>
    public void NoteCreated(ulong eid, EpcPage page, in Secs secs) =>
        (Eid, SecsPage, Base, Size, Attributes) = (eid, page, new LinearAddress(secs.BaseAddr), secs.Size, secs.Attributes.Flags);

    /// <summary>EINIT was done.</summary>
    public void NoteInitialized(ReadOnlySpan<byte> sigstruct, in Secs secs) =>
        (_sigstruct, _mrenclave, _mrsigner) =
        (sigstruct.ToArray(), ((ReadOnlySpan<byte>)secs.Mrenclave).ToArray(), ((ReadOnlySpan<byte>)secs.Mrsigner).ToArray());
}
