namespace Cloister.Engine;

/// <summary>Has work done by one thread, and by another when that one stays away for long: what it looks at may depend on what it has not
/// done yet.</summary>
/// <remarks>A file system of a program's own (FUSE) is such a thing: its server asks for files as everybody does, while a look at a file
/// in it waits for the server.</remarks>
/// <param name="work">Does one piece, and waits for the next: false when there is none any more. The token is to be given to <see
/// cref="Begin"/>.</param>
internal sealed class Deputies(Func<Deputies, bool> work)
{
    private const int Milliseconds = 20, MostThreads = 64, LooksWithoutWork = 50;
    private readonly object _works = new();
    private readonly TaskCompletionSource _end = new();
    private int _leader, _numbers, _busy, _begun, _sleeps; // the number of the thread whose turn it is, and what it did
    private int _threads;

    /// <summary>Ends when there is no more work.</summary>
    public Task End => _end.Task;

    /// <summary>Begins.</summary>
    public void Start()
    {
        Lead();
        new Thread(Watch, maxStackSize: 256 * 1024) { IsBackground = true, Name = "deputies" }.Start();
    }

    /// <summary>Whoever works has a piece now.</summary>
    public void Begin()
    {
        _begun++;
        Volatile.Write(ref _busy, 1);
        if (Volatile.Read(ref _sleeps) != 0)
        {
            Wake();
        }
    }

    private void Wake()
    {
        lock (_works)
        {
            Monitor.Pulse(_works);
        }
    }

    private void Lead()
    {
        int number = ++_numbers;
        _ = Interlocked.Increment(ref _threads);
        Volatile.Write(ref _leader, number);
        new Thread(() => Work(number), maxStackSize: 512 * 1024) { IsBackground = true, Name = "system calls" }.Start();
    }

    private void Work(int number)
    {
        while (Volatile.Read(ref _leader) == number)
        {
            bool more = work(this);
            if (Volatile.Read(ref _leader) == number)
            {
                Volatile.Write(ref _busy, 0);
            }

            if (!more)
            {
                _ = _end.TrySetResult();
                Wake();
                break;
            }
        }

        _ = Interlocked.Decrement(ref _threads);
    }

    private void Watch()
    {
        int seen = -1, idle = 0;
        while (!_end.Task.IsCompleted)
        {
            int begun = Volatile.Read(ref _begun);
            bool isStuck = Volatile.Read(ref _busy) != 0 && begun == seen;
            if (isStuck && Volatile.Read(ref _threads) < MostThreads)
            {
                Volatile.Write(ref _busy, 0);
                Lead();
            }

            idle = begun == seen && !isStuck ? idle + 1 : 0;
            seen = begun;
            if (idle > LooksWithoutWork)
            {
                // Until there is work again; what began just now is seen then, or with the next.
                Volatile.Write(ref _sleeps, 1);
                lock (_works)
                {
                    _ = Volatile.Read(ref _begun) == seen && Monitor.Wait(_works, 1000);
                }

                Volatile.Write(ref _sleeps, 0);
                idle = 0;
            }
            else
            {
                Thread.Sleep(Milliseconds);
            }
        }
    }
}
