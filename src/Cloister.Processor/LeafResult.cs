using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>What a leaf returns: success, an SGX error code, or a fault.</summary>
public readonly record struct LeafResult
{
    private LeafResult(LeafStatus status, SgxError error, Fault fault) => (Status, Error, Fault) = (status, error, fault);

    /// <summary>Success.</summary>
    public static LeafResult Success => default;

    /// <summary>Which of the three.</summary>
    public LeafStatus Status { get; }

    /// <summary>The code when <see cref="Status"/> is Error, else Success.</summary>
    public SgxError Error { get; }

    /// <summary>The fault when <see cref="Status"/> is Fault.</summary>
    public Fault Fault { get; }

    /// <summary>Whether the leaf did what it is for.</summary>
    public bool IsSuccess => Status == LeafStatus.Success;

    /// <summary>An error code; <see cref="SgxError.Success"/> gives <see cref="Success"/>.</summary>
    public static LeafResult Of(SgxError error)
        => error == SgxError.Success ? Success : new LeafResult(LeafStatus.Error, error, default);

    /// <summary>A fault.</summary>
    public static LeafResult Of(Fault fault) => new(LeafStatus.Fault, SgxError.Success, fault);

    /// <summary>#GP(0).</summary>
    public static LeafResult GeneralProtection => Of(Fault.GeneralProtection);

    /// <summary>
    /// #PF for an operand of ENCLS. The operand is a page of the EPC and not an address, so the fault has none.
    /// </summary>
    public static LeafResult PageFault
        => Of(Fault.PageFault(default, PageFaultErrorCode.Present | PageFaultErrorCode.Sgx));

    /// <inheritdoc/>
    public override string ToString() => Status switch
    {
        LeafStatus.Success => "success",
        LeafStatus.Error => $"error {Error}",
        _ => $"fault {Fault.Vector}({Fault.ErrorCode:x}) at {Fault.Address}",
    };
}
