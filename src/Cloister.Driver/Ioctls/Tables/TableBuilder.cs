using System.Runtime.CompilerServices;
using Cloister.Driver.Ioctls.ByAddress;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.Tables;

/// <summary>Makes the rows of one generation's table.</summary>
internal sealed class TableBuilder(Generation generation, string source)
{
    private readonly List<IoctlRow> _rows = [];

    /// <summary>The rows added.</summary>
    public IReadOnlyList<IoctlRow> Rows => _rows;

    /// <summary>An ioctl with a structure that goes in only (_IOW).</summary>
    public TableBuilder Write<T>(string name, byte number, Type implementation, Func<IoctlCall, IoctlOperation> create, string place)
        where T : unmanaged => Add(name, number, IoctlDirection.Write, typeof(T), Unsafe.SizeOf<T>(), implementation, create, place);

    /// <summary>An ioctl with a structure that comes back (_IOWR).</summary>
    public TableBuilder WriteRead<T>(string name, byte number, Type implementation, Func<IoctlCall, IoctlOperation> create, string place)
        where T : unmanaged =>
        Add(name, number, IoctlDirection.Write | IoctlDirection.Read, typeof(T), Unsafe.SizeOf<T>(), implementation, create, place);

    /// <summary>CREATE, ADD_PAGES, INIT and PROVISION as they are since Linux 5.11.</summary>
    public TableBuilder Mainline() =>
        Write<SgxEnclaveCreate>("SGX_IOC_ENCLAVE_CREATE", 0, typeof(EnclaveCreate), call => new EnclaveCreate(call),
            "sgx_ioc_enclave_create")
            .WriteRead<SgxEnclaveAddPages>("SGX_IOC_ENCLAVE_ADD_PAGES", 1, typeof(EnclaveAddPages), call => new EnclaveAddPages(call),
                "sgx_ioc_enclave_add_pages")
            .Write<SgxEnclaveInit>("SGX_IOC_ENCLAVE_INIT", 2, typeof(EnclaveInit), call => new EnclaveInit(call), "sgx_ioc_enclave_init")
            .Write<SgxEnclaveProvision>("SGX_IOC_ENCLAVE_PROVISION", 3, typeof(EnclaveProvision), call => new EnclaveProvision(call),
                "sgx_ioc_enclave_provision");

    /// <summary>CREATE, ADD_PAGE, INIT, REMOVE_PAGES and MODIFY_PAGES of the 2018 tree.</summary>
    /// <param name="first">The number of CREATE.</param>
    public TableBuilder TreeOf2018(byte first) =>
        Write<SgxEnclaveCreate>("SGX_IOC_ENCLAVE_CREATE", first, typeof(CreateInMapping), call => new CreateInMapping(call),
            "sgx_ioc_enclave_create")
            .Write<SgxEnclaveAddPage>("SGX_IOC_ENCLAVE_ADD_PAGE", (byte)(first + 1), typeof(AddPage), call => new AddPage(call),
                "sgx_ioc_enclave_add_page")
            .Write<SgxEnclaveInitByAddress>("SGX_IOC_ENCLAVE_INIT", (byte)(first + 2), typeof(InitByAddress),
                call => new InitByAddress(call), "sgx_ioc_enclave_init")
            .Write<SgxEnclaveRemovePagesByAddress>("SGX_IOC_ENCLAVE_REMOVE_PAGES", (byte)(first + 3), typeof(RemovePagesByAddress),
                call => new RemovePagesByAddress(call), "sgx_ioc_enclave_remove_pages")
            .Write<SgxEnclaveModifyPages>("SGX_IOC_ENCLAVE_MODIFY_PAGES", (byte)(first + 4), typeof(ModifyPagesByAddress),
                call => new ModifyPagesByAddress(call), "sgx_ioc_enclave_modify_pages");

    /// <summary>REMOVE_ALL of the virtual EPC device, since Linux 5.16.</summary>
    public TableBuilder VirtualEpc()
    {
        _rows.Add(new IoctlRow(
            generation,
            IoctlDevice.VirtualEpc,
            "SGX_IOC_VEPC_REMOVE_ALL",
            4,
            IoctlDirection.None,
            null,
            0,
            typeof(VepcRemoveAll),
            call => new VepcRemoveAll(call),
            source + ", sgx_vepc_remove_all"));
        return this;
    }

    private TableBuilder Add(
        string name,
        byte number,
        IoctlDirection direction,
        Type structure,
        int size,
        Type implementation,
        Func<IoctlCall, IoctlOperation> create,
        string place)
    {
        _rows.Add(new IoctlRow(
            generation,
            IoctlDevice.Enclave,
            name,
            number,
            direction,
            structure,
            size,
            implementation,
            create,
            $"{source}, {place}"));
        return this;
    }
}
