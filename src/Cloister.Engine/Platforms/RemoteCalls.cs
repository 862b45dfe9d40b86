namespace Cloister.Engine.Platforms;

/// <summary>System calls made in a stopped thread of the traced program, as if it had made them, with all it shows given back.</summary>
internal sealed class RemoteCalls
{
    private readonly List<RemoteCall> _calls = [];
    private byte[] _data = [];

    /// <summary>Adds a call; missing arguments are 0.</summary>
    public RemoteCalls Add(long number, params ulong[] arguments)
    {
        _calls.Add(new RemoteCall(number, arguments));
        return this;
    }

    /// <summary>Bytes the calls may point to; they will lie at <see cref="DataAddress"/>.</summary>
    public RemoteCalls WithData(ReadOnlySpan<byte> data)
    {
        _data = data.ToArray();
        return this;
    }

    /// <summary>Where <see cref="WithData"/> puts its bytes.</summary>
    public const ulong DataAddress = Area.Table + Area.DataOffset;

    /// <summary>How many calls were added.</summary>
    public int Count => _calls.Count;

    /// <summary>The calls, in order.</summary>
    public IReadOnlyList<RemoteCall> All => _calls;

    /// <summary>What <see cref="WithData"/> was given.</summary>
    public ReadOnlySpan<byte> DataBytes => _data;

    /// <summary>Makes the calls and returns their results (a result or minus an errno). The thread's address space
    /// must have the area.</summary>
    public long[] Run(IHeldThread thread) => thread.Make(this);

    /// <summary>The bytes at <see cref="DataAddress"/>, which calls may have written.</summary>
    public static ReadOnlySpan<byte> Data(IHeldThread thread, int length) =>
        thread.Process.Memory.Table!.Slice(Offset(DataAddress), length);

    /// <summary>Offset of an address of the area in its file.</summary>
    public static long Offset(ulong address) => (long)(address - Area.Base);
}

/// <summary>One of them.</summary>
/// <param name="Number">The system call.</param>
/// <param name="Arguments">Its arguments; missing ones are 0.</param>
internal sealed record RemoteCall(long Number, ulong[] Arguments);
