using System.Runtime.InteropServices;
using Cloister.Engine.Stubs;

namespace Cloister.Engine.Fast;

/// <summary>Strict isolation: what stubs are told of the view of their address space, and what they made of it.</summary>
internal sealed class SharedView(FastTables tables)
{
    /// <summary>What the lists were made of; -1 before the first.</summary>
    public int Version { get; private set; } = -1;

    /// <summary>How many threads saw the enclaves when it was taken from them; null when one was changing that.</summary>
    public int? Inside { get; private set; }

    /// <summary>Takes it from the threads: what a thread changes already is nobody's any more.</summary>
    public void Take()
    {
        uint value = Interlocked.Exchange(ref MemoryMarshal.AsRef<uint>(tables.Slice(FastLayout.View, 4)), FastLayout.ViewTaken);
        if (value != FastLayout.ViewTaken)
        {
            Inside = value < FastLayout.ViewChanges ? (int)value : null;
        }
    }

    /// <summary>How often stubs may still show them.</summary>
    public int Budget => (int)Math.Min(tables.ReadU32(FastLayout.ViewBudget), int.MaxValue);

    /// <summary>Says how many threads see the enclaves, and how often stubs may show them. The gate must be shut.</summary>
    public void Set(int threads, int budget)
    {
        tables.WriteU32(FastLayout.ViewBudget, (uint)budget);
        tables.WriteU32(FastLayout.View, (uint)threads);
    }

    /// <summary>Gives the stubs the calls that show and hide the enclaves. The gate must be shut.</summary>
    /// <returns>False when there are too many.</returns>
    public bool SetCalls(int version, List<ProtectedRange> show, List<ProtectedRange> hide)
    {
        if (Math.Max(show.Count, hide.Count) > FastLayout.MostCalls)
        {
            return false;
        }

        Write(FastLayout.ShowCalls, show);
        Write(FastLayout.HideCalls, hide);
        Version = version;
        return true;
    }

    private void Write(int at, List<ProtectedRange> calls)
    {
        foreach (ProtectedRange call in calls)
        {
            tables.WriteU64(at, call.Start);
            tables.WriteU64(at + 8, call.End - call.Start);
            tables.WriteU64(at + 16, call.Protection);
            at += FastLayout.CallLength;
        }

        tables.WriteU64(at + 8, 0);
    }
}

/// <summary>A range and the PROT_ bits that it is to have.</summary>
internal readonly record struct ProtectedRange(ulong Start, ulong End, ulong Protection);
