using System.Buffers.Binary;
using System.Text;

namespace Cloister.Linux;

/// <summary>
/// Finds functions in the vDSO: a small ELF64 image that the kernel maps into each process. Source: vdso(7), System V ABI.
/// </summary>
public static unsafe class VdsoLookup
{
    private const int DynamicSegment = 2, LoadSegment = 1, HashTag = 4, StringTableTag = 5, SymbolTableTag = 6, SymbolSize = 24;

    /// <summary>The function of SGX programs, since Linux 5.11. Source: uapi asm/sgx.h, vdso_sgx_enter_enclave_t.</summary>
    public const string SgxEnterEnclave = "__vdso_sgx_enter_enclave";

    /// <summary>The address of a function in this process's vDSO; 0 when it has none.</summary>
    public static ulong Find(string name)
    {
        ulong vdso = AuxiliaryVector.Find(AuxiliaryVector.SysinfoEhdr);

        // The image is whole in memory and trusted as the kernel is: its length is not told anywhere.
        return vdso == 0 ? 0 : Find((byte*)vdso, name) is var offset and not 0 ? vdso + offset : 0;
    }

    /// <summary>The offset in a loaded image of a function; 0 when it has none. The image must be whole.</summary>
    public static ulong FindOffset(ReadOnlySpan<byte> image, string name)
    {
        fixed (byte* p = image)
        {
            return Find(p, name);
        }
    }

    private static ulong Find(byte* image, string name)
    {
        int headers = (int)Read64(image + 32), size = Read16(image + 54), count = Read16(image + 56);
        byte* dynamic = null;
        ulong linkedAt = 0;
        for (int i = 0; i < count; i++)
        {
            byte* header = image + headers + (i * size);
            if (Read32(header) == DynamicSegment)
            {
                dynamic = image + Read64(header + 8);
            }
            else if (Read32(header) == LoadSegment)
            {
                linkedAt = Read64(header + 16) - Read64(header + 8);
            }
        }

        if (dynamic is null)
        {
            return 0;
        }

        byte* hash = null, strings = null, symbols = null;
        for (byte* entry = dynamic; Read64(entry) != 0; entry += 16)
        {
            byte* value = image + (Read64(entry + 8) - linkedAt);
            switch (Read64(entry))
            {
                case HashTag:
                    hash = value;
                    break;
                case StringTableTag:
                    strings = value;
                    break;
                case SymbolTableTag:
                    symbols = value;
                    break;
            }
        }

        if (strings is null || symbols is null || hash is null)
        {
            return 0;
        }

        // DT_HASH: the second word is the number of symbols. System V ABI, "Hash Table".
        uint total = Read32(hash + 4);
        byte[] wanted = Encoding.ASCII.GetBytes(name + "\0");
        for (uint i = 0; i < total; i++)
        {
            byte* symbol = symbols + (i * SymbolSize);
            bool defined = Read16(symbol + 6) != 0;
            if (defined && Matches(strings + Read32(symbol), wanted))
            {
                return Read64(symbol + 8) - linkedAt;
            }
        }

        return 0;
    }

    private static bool Matches(byte* text, byte[] wanted)
    {
        for (int i = 0; i < wanted.Length; i++)
        {
            if (text[i] != wanted[i])
            {
                return false;
            }
        }

        return true;
    }

    private static ushort Read16(byte* p) => BinaryPrimitives.ReadUInt16LittleEndian(new ReadOnlySpan<byte>(p, 2));

    private static uint Read32(byte* p) => BinaryPrimitives.ReadUInt32LittleEndian(new ReadOnlySpan<byte>(p, 4));

    private static ulong Read64(byte* p) => BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(p, 8));
}
