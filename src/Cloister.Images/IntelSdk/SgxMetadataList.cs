namespace Cloister.Images;

/// <summary>
/// The metadata of one file: several versions behind each other, each for another loader. psw/urts/urts_com.h, get_metadata.
/// </summary>
internal static class SgxMetadataList
{
    // metadata.h, METADATA_SIZE grew from 4 KiB to 24 KiB. A file that claims more than this is not the SDK's.
    private const int MaximumBlock = 1 << 20;

    public static IReadOnlyList<SgxMetadata> Read(ByteSource source, long offset, long length)
    {
        RequireRoom(source, offset, length);
        byte[] block = source.ReadBytes(offset, (int)length);
        var found = new List<SgxMetadata>();
        int at = 0;
        while (at + 20 <= block.Length && BitConverter.ToUInt64(block, at) == SgxMetadata.Magic)
        {
            uint size = BitConverter.ToUInt32(block, at + 16);
            if (size == 0 || size > block.Length - at)
            {
                throw new ImageException($"a metadata of {size} bytes in {block.Length - at}", offset + at);
            }

            found.Add(new SgxMetadata(block[at..(at + (int)size)], offset + at));
            at += (int)size;
        }

        return found;
    }

    public static void RequireRoom(ByteSource source, long offset, long length)
    {
        if (!source.Contains(offset, length))
        {
            throw new ImageException($"the metadata's 0x{length:x} bytes reach past the end of the file", offset);
        }

        if (length > MaximumBlock)
        {
            throw new ImageException($"the metadata has 0x{length:x} bytes, more than any version of the SDK writes", offset);
        }
    }
}
