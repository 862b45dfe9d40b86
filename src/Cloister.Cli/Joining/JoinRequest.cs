using System.Buffers.Binary;
using System.Text;
using Cloister.Engine.Options;
using Cloister.Linux;

namespace Cloister.Cli.Joining;

/// <summary>What a run says to the machine that it joins: its options, the descriptor that it will wait for, and its program.</summary>
/// <param name="Options">As <c>--NAME=VALUE</c>.</param>
/// <param name="Descriptor">The descriptor.</param>
/// <param name="Program">The program.</param>
internal sealed record JoinRequest(IReadOnlyList<string> Options, int Descriptor, ProgramInvocation Program)
{
    /// <summary>Bytes that one has at most: more than execve(2) takes.</summary>
    public const int Longest = 16 << 20;

    private const string Version = "cloister join 1";

    /// <summary>As bytes: strings, each with its length before it, in lists with their lengths before them.</summary>
    public byte[] ToBytes()
    {
        using var bytes = new MemoryStream();
        List(bytes, [Encoding.UTF8.GetBytes(Version)]);
        List(bytes, [.. Options.Select(Encoding.UTF8.GetBytes)]);
        Number(bytes, (ulong)Descriptor);
        List(bytes, [Program.Path.ToArray()]);
        List(bytes, Program.Arguments);
        List(bytes, Program.Environment);
        Number(bytes, (ulong)Program.Limits.Count);
        foreach (ResourceLimit limit in Program.Limits)
        {
            Number(bytes, (ulong)limit.Resource);
            Number(bytes, limit.Soft);
            Number(bytes, limit.Hard);
        }

        return bytes.ToArray();
    }

    /// <summary>Reads one; null where it is none.</summary>
    public static JoinRequest? Read(ReadOnlySpan<byte> bytes)
    {
        if (List(ref bytes) is not [var version] || Encoding.UTF8.GetString(version) != Version || List(ref bytes) is not { } options
            || Number(ref bytes) is not (<= int.MaxValue and var descriptor)
            || List(ref bytes) is not [var path] || List(ref bytes) is not { } arguments || List(ref bytes) is not { } environment
            || Number(ref bytes) is not { } count || count > 64)
        {
            return null;
        }

        var limits = new List<ResourceLimit>();
        for (ulong i = 0; i < count; i++)
        {
            if (Number(ref bytes) is not (<= int.MaxValue and var resource) || Number(ref bytes) is not { } soft
                || Number(ref bytes) is not { } hard)
            {
                return null;
            }

            limits.Add(new ResourceLimit((int)resource, soft, hard));
        }

        var program = new ProgramInvocation { Path = path, Arguments = arguments, Environment = environment, Limits = limits };
        bool isWhole = bytes.IsEmpty && !arguments.Concat(environment).Append(path).Any(text => text.AsSpan().Contains((byte)0));
        return isWhole ? new JoinRequest([.. options.Select(Encoding.UTF8.GetString)], (int)descriptor, program) : null;
    }

    private static void Number(MemoryStream bytes, ulong number)
    {
        Span<byte> eight = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(eight, number);
        bytes.Write(eight);
    }

    private static void List(MemoryStream bytes, IReadOnlyList<byte[]> strings)
    {
        Number(bytes, (ulong)strings.Count);
        foreach (byte[] text in strings)
        {
            Number(bytes, (ulong)text.Length);
            bytes.Write(text);
        }
    }

    private static ulong? Number(ref ReadOnlySpan<byte> bytes)
    {
        if (!BinaryPrimitives.TryReadUInt64LittleEndian(bytes, out ulong number))
        {
            return null;
        }

        bytes = bytes[8..];
        return number;
    }

    private static List<byte[]>? List(ref ReadOnlySpan<byte> bytes)
    {
        if (Number(ref bytes) is not { } count || count > (ulong)bytes.Length / 8)
        {
            return null;
        }

        var strings = new List<byte[]>();
        for (ulong i = 0; i < count; i++)
        {
            if (Number(ref bytes) is not { } length || length > (ulong)bytes.Length)
            {
                return null;
            }

            strings.Add(bytes[..(int)length].ToArray());
            bytes = bytes[(int)length..];
        }

        return strings;
    }
}
