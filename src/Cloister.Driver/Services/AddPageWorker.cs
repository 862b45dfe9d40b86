using Cloister.Architecture;
using Cloister.Driver.Enclaves;
using Cloister.Driver.Reclaim;
using Cloister.Processor.Encls;

namespace Cloister.Driver.Services;

/// <summary>The worker thread of the drivers before v20 (sgx_add_page_worker): EADD and EEXTEND of queued pages.</summary>
internal sealed class AddPageWorker(DriverState state, EpcAllocator epc, EnclaveMemory memory)
{
    private const int ChunkLength = 256;

    /// <summary>Adds queued pages.</summary>
    /// <param name="enclave">The enclave.</param>
    /// <param name="budget">Pages at most; what is left.</param>
    /// <returns>True when the queue is empty.</returns>
    public bool Run(SgxEnclave enclave, ref int budget)
    {
        while (enclave.AddRequests.Count != 0)
        {
            if (budget-- <= 0)
            {
                return false;
            }

            if (!TryAdd(enclave, enclave.AddRequests.Dequeue()))
            {
                // isgx leaves the enclave as it is, and EINIT finds the measurement wrong; the 2018 tree kills it.
                DropRequests(enclave);
                if (state.Rules.KillsOnFailedAdd && !enclave.IsDead)
                {
                    memory.Invalidate(enclave);
                }
            }
        }

        return true;
    }

    private bool TryMeasure(EpcPage page, ushort mask)
    {
        if (mask == ushort.MaxValue)
        {
            return Eextend.ExecutePage(state.Machine, page).IsSuccess;
        }

        for (int chunk = 0; chunk < 16; chunk++)
        {
            if ((mask & (1 << chunk)) != 0 && !Eextend.Execute(state.Machine, page, chunk * ChunkLength).IsSuccess)
            {
                return false;
            }
        }

        return true;
    }

    private bool TryAdd(SgxEnclave enclave, AddRequest request)
    {
        ref var page = ref enclave.Pages.TryGet(request.PageNumber, out _);
        var error = epc.Allocate(reclaim: true, null, out var epcPage);
        if (error == DriverError.None && (enclave.IsDead || !enclave.Backing.Fetch(page.Backing)))
        {
            // Making room can kill an enclave without backing, this one as well as another.
            epc.Free(epcPage, EpcPage.None);
            error = DriverError.EFAULT;
        }

        if (error != DriverError.None)
        {
            Drop(enclave, request);
            return false;
        }

        ulong offset = enclave.OffsetOf(request.PageNumber);
        enclave.Storage.Place(epcPage, offset);
        var secinfo = request.Secinfo;
        var added = Eadd.Execute(
            state.Machine,
            enclave.Secs.Epc,
            new LinearAddress(request.PageNumber << 12),
            in secinfo,
            enclave.Backing.Contents(page.Backing),
            epcPage);
        if (!added.IsSuccess || !TryMeasure(epcPage, request.Mrmask))
        {
            epc.Free(epcPage, enclave.SecsPage);
            enclave.Storage.Remove(epcPage, offset);
            Drop(enclave, request);
            return false;
        }

        enclave.Backing.Return(page.Backing);
        page.Backing = EnclavePage.None;
        page.EpcIndex = epcPage.Index;
        enclave.ResidentPageCount++;
        state.Pool.MarkReclaimable(epcPage, enclave.Number, request.PageNumber);
        state.Counters.Adds++;
        return true;
    }

    private void DropRequests(SgxEnclave enclave)
    {
        while (enclave.AddRequests.TryDequeue(out var request))
        {
            Drop(enclave, request);
        }
    }

    private void Drop(SgxEnclave enclave, AddRequest request)
    {
        enclave.Backing.Return(enclave.Pages.TryGet(request.PageNumber, out _).Backing);
        enclave.Pages.Remove(request.PageNumber);
        memory.Shrink(enclave, added: false);
    }
}
