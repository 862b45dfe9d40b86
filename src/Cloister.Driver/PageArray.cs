using System.Numerics;

namespace Cloister.Driver;

/// <summary>
/// A sparse array of page records by page number (the kernel's xarray): chunks of 64 records made when first needed, as
/// many as in the kernel (XA_CHUNK_SIZE), so that few pages spread over many gigabytes cost little.
/// </summary>
/// <typeparam name="T">The record kept for a page.</typeparam>
internal sealed class PageArray<T>
    where T : struct
{
    private const int ChunkShift = 6;
    private const int ChunkLength = 1 << ChunkShift;

    private readonly Dictionary<ulong, Chunk> _chunks = [];
    private readonly List<ulong> _keys = [];
    private bool _keysSorted = true;
    private ulong _lastKey;
    private Chunk? _lastChunk;

    private T _absent;

    /// <summary>Records held.</summary>
    public int Count { get; private set; }

    /// <summary>The record of a page, to read and to change in place.</summary>
    /// <param name="index">Page number.</param>
    /// <param name="exists">False when there is none; the reference is then of no use.</param>
    public ref T TryGet(ulong index, out bool exists)
    {
        var chunk = FindChunk(index >> ChunkShift);
        int slot = (int)(index & (ChunkLength - 1));
        if (chunk is not null && chunk.Has(slot))
        {
            exists = true;
            return ref chunk.Items[slot];
        }

        exists = false;
        _absent = default;
        return ref _absent;
    }

    /// <summary>Whether a page has a record.</summary>
    /// <param name="index">Page number.</param>
    public bool Contains(ulong index)
    {
        TryGet(index, out bool exists);
        return exists;
    }

    /// <summary>Adds a record; false when the page has one (xa_insert gives EBUSY).</summary>
    /// <param name="index">Page number.</param>
    /// <param name="value">The record.</param>
    public bool TryAdd(ulong index, in T value)
    {
        ulong key = index >> ChunkShift;
        int slot = (int)(index & (ChunkLength - 1));
        var chunk = FindChunk(key);
        if (chunk is null)
        {
            chunk = new Chunk();
            _chunks.Add(key, chunk);
            _keysSorted &= _keys.Count == 0 || _keys[^1] < key;
            _keys.Add(key);
            (_lastKey, _lastChunk) = (key, chunk);
        }
        else if (chunk.Has(slot))
        {
            return false;
        }

        chunk.Set(slot);
        chunk.Items[slot] = value;
        Count++;
        return true;
    }

    /// <summary>Removes a record; false when there is none.</summary>
    /// <param name="index">Page number.</param>
    public bool Remove(ulong index)
    {
        ulong key = index >> ChunkShift;
        int slot = (int)(index & (ChunkLength - 1));
        var chunk = FindChunk(key);
        if (chunk is null || !chunk.Has(slot))
        {
            return false;
        }

        chunk.Clear(slot);
        chunk.Items[slot] = default;
        Count--;
        return true;
    }

    /// <summary>Finds the first record at or after a page, in order of page numbers; the array may change between calls.</summary>
    /// <param name="index">Where to begin; the page found.</param>
    /// <param name="last">The last page number of interest.</param>
    public bool TryNext(ref ulong index, ulong last)
    {
        if (index > last)
        {
            return false;
        }

        SortKeys();
        ulong key = index >> ChunkShift;
        int position = _keys.BinarySearch(key);
        int slot = (int)(index & (ChunkLength - 1));
        if (position < 0)
        {
            position = ~position;
            slot = 0;
        }

        for (; position < _keys.Count; position++, slot = 0)
        {
            key = _keys[position];
            int found = FindChunk(key)!.Next(slot);
            if (found >= 0)
            {
                ulong candidate = (key << ChunkShift) | (uint)found;
                if (candidate > last)
                {
                    return false;
                }

                index = candidate;
                return true;
            }
        }

        return false;
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        _chunks.Clear();
        _keys.Clear();
        _keysSorted = true;
        _lastChunk = null;
        Count = 0;
    }

    private Chunk? FindChunk(ulong key)
    {
        if (_lastChunk is not null && _lastKey == key)
        {
            return _lastChunk;
        }

        if (_chunks.TryGetValue(key, out var chunk))
        {
            (_lastKey, _lastChunk) = (key, chunk);
        }

        return chunk;
    }

    private void SortKeys()
    {
        if (!_keysSorted)
        {
            _keys.Sort();
            _keysSorted = true;
        }
    }

    private sealed class Chunk
    {
        // A bit for each record.
        private ulong _present;

        public T[] Items { get; } = new T[ChunkLength];

        public bool Has(int slot) => (_present & (1UL << slot)) != 0;

        public void Set(int slot) => _present |= 1UL << slot;

        public void Clear(int slot) => _present &= ~(1UL << slot);

        public int Next(int from)
        {
            ulong bits = _present & (ulong.MaxValue << from);
            return bits == 0 ? -1 : BitOperations.TrailingZeroCount(bits);
        }
    }
}
