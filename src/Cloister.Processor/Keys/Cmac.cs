using System.Security.Cryptography;

namespace Cloister.Processor.Keys;

/// <summary>AES-CMAC with a key of 128 bits. RFC 4493; NIST SP 800-38B.</summary>
public static class Cmac
{
    /// <summary>Bytes of a key, and of a MAC.</summary>
    public const int Size = 16;

    /// <summary>The MAC of a message.</summary>
    /// <param name="key">16 bytes.</param>
    /// <param name="message">Any number of bytes.</param>
    /// <param name="mac">16 bytes.</param>
    public static void Compute(ReadOnlySpan<byte> key, ReadOnlySpan<byte> message, Span<byte> mac)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, Size);
        ArgumentOutOfRangeException.ThrowIfNotEqual(mac.Length, Size);
        using var aes = Aes.Create();
        aes.SetKey(key);

        Span<byte> subkey = stackalloc byte[Size];
        subkey.Clear();
        aes.EncryptEcb(subkey, subkey, PaddingMode.None);
        Double(subkey);

        int blocks = Math.Max(1, (message.Length + Size - 1) / Size);
        ReadOnlySpan<byte> tail = message[((blocks - 1) * Size)..];
        Span<byte> last = stackalloc byte[Size];
        last.Clear();
        tail.CopyTo(last);
        if (tail.Length < Size)
        {
            last[tail.Length] = 0x80;
            Double(subkey);
        }

        // CBC from a zero vector over the message with its last block masked: the last block of it is the MAC.
        byte[] masked = new byte[blocks * Size];
        message[..((blocks - 1) * Size)].CopyTo(masked);
        for (int i = 0; i < Size; i++)
        {
            masked[((blocks - 1) * Size) + i] = (byte)(last[i] ^ subkey[i]);
        }

        subkey.Clear();
        aes.EncryptCbc(masked, subkey, masked, PaddingMode.None);
        masked.AsSpan(^Size..).CopyTo(mac);
    }

    /// <summary>Whether <paramref name="mac"/> is the MAC of the message; takes the same time for every wrong one.</summary>
    public static bool Verify(ReadOnlySpan<byte> key, ReadOnlySpan<byte> message, ReadOnlySpan<byte> mac)
    {
        Span<byte> expected = stackalloc byte[Size];
        Compute(key, message, expected);
        return CryptographicOperations.FixedTimeEquals(expected, mac);
    }

    // Multiplication by x in GF(2^128), most significant bit first.
    private static void Double(Span<byte> block)
    {
        int carry = 0;
        for (int i = Size - 1; i >= 0; i--)
        {
            int next = block[i] >> 7;
            block[i] = (byte)((block[i] << 1) | carry);
            carry = next;
        }

        block[^1] ^= (byte)(carry * 0x87);
    }
}
