namespace Cloister.Driver.Ioctls;

/// <summary>A call that was refused before it began.</summary>
internal sealed class CompletedIoctl : IoctlOperation
{
    private readonly DriverError _error;

    public CompletedIoctl(DriverError error)
    {
        _error = error;
        Continue(1);
    }

    protected override long? Advance(int pageBudget) => -(long)_error;
}
