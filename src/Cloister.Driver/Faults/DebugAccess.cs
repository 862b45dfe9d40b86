using System.Buffers.Binary;
using Cloister.Architecture;
using Cloister.Driver.Enclaves;
using Cloister.Driver.Reclaim;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Faults;

/// <summary>Reads and writes of a debugger (sgx_vma_access), eight bytes at a time as EDBGRD and EDBGWR have it.</summary>
internal sealed class DebugAccess(DriverState state, EpcAllocator epc, EnclavePageLoader loader)
{
    private const int Word = sizeof(ulong);

    public long Execute(SgxEnclave enclave, LinearAddress address, Span<byte> buffer, bool write, Protection mapping)
    {
        // Linux, sgx_vma_access: production enclaves cannot be looked into.
        if (!enclave.IsDebug)
        {
            return -(long)DriverError.EFAULT;
        }

        int done = 0;
        while (done < buffer.Length)
        {
            var at = address + (ulong)done;
            var error = Reserve(enclave, at, mapping, out var page);
            if (error != DriverError.None)
            {
                return -(long)error;
            }

            int inWord = (int)(at.Value % Word);
            int count = Math.Min(Word - inWord, buffer.Length - done);
            if (!Transfer(page, at.PageOffset - inWord, inWord, buffer.Slice(done, count), write))
            {
                return -(long)DriverError.EIO;
            }

            done += count;
        }

        return done;
    }

    // sgx_encl_reserve_page
    private DriverError Reserve(SgxEnclave enclave, LinearAddress address, Protection mapping, out EpcPage epcPage)
    {
        epcPage = EpcPage.None;
        ulong pageNumber = address.Value >> 12;
        ref var page = ref enclave.Pages.TryGet(pageNumber, out bool exists);
        bool mappingMustFit = !state.Rules.EntriesFollowPages;
        if (!exists || (mappingMustFit && (mapping & ~page.MaximumProtection) != 0))
        {
            return DriverError.EFAULT;
        }

        var error = loader.Load(enclave, pageNumber, ref page);
        if (error == DriverError.EBUSY && epc.MakeRoom(2))
        {
            error = loader.Load(enclave, pageNumber, ref page);
        }

        if (error == DriverError.None)
        {
            epcPage = page.Epc;
        }

        return error;
    }

    private bool Transfer(EpcPage page, int wordOffset, int inWord, Span<byte> bytes, bool write)
    {
        if (Edbgrd.Execute(state.Machine, page, wordOffset, out ulong value) is { IsSuccess: false })
        {
            return false;
        }

        Span<byte> word = stackalloc byte[Word];
        BinaryPrimitives.WriteUInt64LittleEndian(word, value);
        if (!write)
        {
            word.Slice(inWord, bytes.Length).CopyTo(bytes);
            return true;
        }

        bytes.CopyTo(word[inWord..]);
        value = BinaryPrimitives.ReadUInt64LittleEndian(word);
        return Edbgwr.Execute(state.Machine, page, wordOffset, value).IsSuccess;
    }
}
