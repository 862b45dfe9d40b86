using Cloister.Architecture;

namespace Cloister.Driver;

/// <content>What happens to the EPC by order.</content>
public sealed partial class SgxDriver
{
    /// <inheritdoc/>
    public bool CountEntries => State.Injections.CountEntries;

    /// <inheritdoc/>
    public void Entering() => Come(InjectedMoment.Entry);

    /// <inheritdoc/>
    public void Carry(InjectedFailure order)
    {
        ArgumentNullException.ThrowIfNull(order);
        bool done = order.Kind switch
        {
            InjectedKind.EpcSize => Limit(order.Pages),
            InjectedKind.PageEviction => Evict(order),
            _ => throw new ArgumentException($"{order} waits for no moment.", nameof(order)),
        };
        State.Observer.Injected(done ? order : order with { HasMissed = true });
    }

    private void Come(InjectedMoment moment)
    {
        foreach (InjectedFailure order in State.Injections.Come(moment))
        {
            Carry(order);
        }
    }

    private bool Limit(int pages)
    {
        _services.Epc.Limit(Math.Min(pages, State.Pool.TotalCount));
        return true;
    }

    private bool Evict(InjectedFailure order)
    {
        bool any = false;
        foreach (SgxEnclave enclave in Enclaves)
        {
            ulong offset = order.Address == 0 ? order.Offset : new LinearAddress(order.Address) - enclave.Base;
            if (offset < enclave.Size && (order.Enclave == 0 || order.Enclave == enclave.Eid)
                && EpcPageAt(enclave, enclave.Base + offset) is { IsNone: false } page)
            {
                any |= _services.Epc.ReclaimPage(page);
            }
        }

        return any;
    }
}
