using System.Buffers.Binary;
using System.Text;

namespace Cloister.Engine.Vdso;

/// <summary>The dynamic symbols of an ELF image in memory: of the kernel's vDSO.</summary>
internal static class VdsoSymbols
{
    /// <summary>Names and addresses of the defined functions of an image that lies at <paramref name="address"/>.
    /// Empty when it is not one.</summary>
    public static List<VdsoSymbol> Functions(ReadOnlySpan<byte> image, ulong address)
    {
        var list = new List<VdsoSymbol>();
        ulong dynamic = 0, loadAddress = 0;
        bool loaded = false;
        if (image.Length < 64 || image[0] != 0x7f)
        {
            return list;
        }

        int headers = (int)U64(image, 32);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(image[56..]);
        for (int i = 0; i < count; i++)
        {
            int at = headers + i * 56;
            uint type = U32(image, at);
            if (type == 1 && !loaded)
            {
                loadAddress = U64(image, at + 16) - U64(image, at + 8);
                loaded = true;
            }
            else if (type == 2)
            {
                dynamic = U64(image, at + 8);
            }
        }

        ulong symbols = 0, strings = 0, hash = 0;
        for (int at = (int)dynamic; dynamic != 0 && at + 16 <= image.Length && U64(image, at) != 0; at += 16)
        {
            ulong value = U64(image, at + 8) - loadAddress;
            value = value >= address && address != 0 ? value - address : value;
            switch (U64(image, at))
            {
                case 4: hash = value; break;
                case 5: strings = value; break;
                case 6: symbols = value; break;
            }
        }

        if (symbols == 0 || strings == 0)
        {
            return list;
        }

        // Without DT_HASH the table of strings bounds the table of symbols: linkers lay it out behind.
        uint number = hash != 0 ? U32(image, (int)hash + 4) : strings > symbols ? (uint)((strings - symbols) / 24) : 0;
        for (uint i = 1; i < number; i++)
        {
            int at = (int)symbols + (int)i * 24;
            if (at + 24 > image.Length || (image[at + 4] & 0xf) != 2 || BinaryPrimitives.ReadUInt16LittleEndian(image[(at + 6)..]) == 0)
            {
                continue;
            }

            ReadOnlySpan<byte> name = image[((int)strings + (int)U32(image, at))..];
            list.Add(new VdsoSymbol(Encoding.ASCII.GetString(name[..name.IndexOf((byte)0)]), address + U64(image, at + 8) - loadAddress));
        }

        return list;
    }

    private static uint U32(ReadOnlySpan<byte> s, int at) => BinaryPrimitives.ReadUInt32LittleEndian(s[at..]);

    private static ulong U64(ReadOnlySpan<byte> s, int at) => BinaryPrimitives.ReadUInt64LittleEndian(s[at..]);
}
