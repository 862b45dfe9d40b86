namespace Cloister.Engine;

/// <summary>Programs that others bring to a machine which runs, and for which it stays. May be called by any thread.</summary>
internal sealed class Guests
{
    private readonly Lock _lock = new();
    private int _expected;
    private bool _isOver;

    /// <summary>One is about to come: the machine stays until then.</summary>
    /// <returns>False when it is gone already.</returns>
    public bool Expect()
    {
        lock (_lock)
        {
            _expected += _isOver ? 0 : 1;
            return !_isOver;
        }
    }

    /// <summary>It has come, or does not come any more.</summary>
    public void Forget()
    {
        lock (_lock)
        {
            _expected--;
        }
    }

    /// <summary>Nobody is there any more: the machine ends, unless somebody is expected.</summary>
    public bool TryEnd()
    {
        lock (_lock)
        {
            _isOver = _expected == 0;
            return _isOver;
        }
    }
}
