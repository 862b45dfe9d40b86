namespace Cloister.Driver;

/// <summary>A driver to which something can happen by order at a moment that it does not hear of by itself.</summary>
public interface IDriverOrders
{
    /// <summary>Whether entries are to be told of: each must stop then.</summary>
    bool CountEntries { get; }

    /// <summary>A thread is about to execute EENTER.</summary>
    void Entering();

    /// <summary>The time of an order has come.</summary>
    /// <param name="order">One of <see cref="DriverOptions.Injected"/>, of <see cref="InjectedMoment.Time"/>.</param>
    void Carry(InjectedFailure order);
}
