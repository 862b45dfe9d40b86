namespace Cloister.Attestation.Tests.Fuzz;

/// <summary>
/// Damages bytes in the ways that readers are known to fail by: bits, lengths, what is cut off, doubled, left out or put between.
/// </summary>
internal sealed class Damage(int seed)
{
    private const int MostChanges = 6;
    private static readonly byte[] s_edges = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x30, 0x04, 0x22];
    private static readonly uint[] s_lengths = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, int.MaxValue, 0x80000000, uint.MaxValue];
    private readonly Random _random = new(seed);

    /// <summary>The same choices for the same seed.</summary>
    public Random Random => _random;

    /// <summary>Damaged bytes.</summary>
    public byte[] Of(byte[] whole)
    {
        List<byte> bytes = [.. whole];
        for (int i = _random.Next(1, MostChanges + 1); i > 0 && bytes.Count > 0; i--)
        {
            int at = _random.Next(bytes.Count), length = _random.Next(Math.Min(64, bytes.Count - at) + 1);
            switch (_random.Next(8))
            {
                case 0: bytes[at] ^= (byte)(1 << _random.Next(8)); break;
                case 1: bytes[at] = s_edges[_random.Next(s_edges.Length)]; break;
                case 2: bytes[at] = (byte)_random.Next(256); break;
                case 3: bytes.RemoveRange(at, bytes.Count - at); break;
                case 4: bytes.RemoveRange(at, length); break;
                case 5: bytes.InsertRange(_random.Next(bytes.Count + 1), bytes.GetRange(at, length)); break;
                case 6: bytes.InsertRange(at, Enumerable.Repeat((byte)_random.Next(256), length)); break;
                default:
                    byte[] number = BitConverter.GetBytes(s_lengths[_random.Next(s_lengths.Length)]);
                    for (int j = 0; j < number.Length && at + j < bytes.Count; j++)
                    {
                        bytes[at + j] = number[j];
                    }

                    break;
            }
        }

        return [.. bytes];
    }
}
