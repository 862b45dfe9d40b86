using System.Runtime.CompilerServices;
using System.Text;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls;

/// <summary>Every ioctl of every generation, as data: what is in here is what there is.</summary>
public static class IoctlTable
{
    private const string Mainline = "Linux 6.12, arch/x86/include/uapi/asm/sgx.h; arch/x86/kernel/cpu/sgx/";

    /// <summary>The rows, by generation and number.</summary>
    public static IReadOnlyList<IoctlRow> Rows { get; } =
    [
        Row<SgxEnclaveCreate>(
            Generation.V6_0, "SGX_IOC_ENCLAVE_CREATE", 0, IoctlDirection.Write,
            typeof(EnclaveCreate), call => new EnclaveCreate(call),
            Mainline + "ioctl.c, sgx_ioc_enclave_create"),
        Row<SgxEnclaveAddPages>(
            Generation.V6_0, "SGX_IOC_ENCLAVE_ADD_PAGES", 1, IoctlDirection.Write | IoctlDirection.Read,
            typeof(EnclaveAddPages), call => new EnclaveAddPages(call),
            Mainline + "ioctl.c, sgx_ioc_enclave_add_pages"),
        Row<SgxEnclaveInit>(
            Generation.V6_0, "SGX_IOC_ENCLAVE_INIT", 2, IoctlDirection.Write,
            typeof(EnclaveInit), call => new EnclaveInit(call),
            Mainline + "ioctl.c, sgx_ioc_enclave_init"),
        Row<SgxEnclaveProvision>(
            Generation.V6_0, "SGX_IOC_ENCLAVE_PROVISION", 3, IoctlDirection.Write,
            typeof(EnclaveProvision), call => new EnclaveProvision(call),
            Mainline + "ioctl.c, sgx_ioc_enclave_provision"),
        VirtualEpcRow(
            Generation.V6_0, "SGX_IOC_VEPC_REMOVE_ALL", 4,
            typeof(VepcRemoveAll), call => new VepcRemoveAll(call),
            Mainline + "virt.c, sgx_vepc_remove_all"),
        Row<SgxEnclaveRestrictPermissions>(
            Generation.V6_0, "SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS", 5, IoctlDirection.Write | IoctlDirection.Read,
            typeof(EnclaveRestrictPermissions), call => new EnclaveRestrictPermissions(call),
            Mainline + "ioctl.c, sgx_ioc_enclave_restrict_permissions"),
        Row<SgxEnclaveModifyTypes>(
            Generation.V6_0, "SGX_IOC_ENCLAVE_MODIFY_TYPES", 6, IoctlDirection.Write | IoctlDirection.Read,
            typeof(EnclaveModifyTypes), call => new EnclaveModifyTypes(call),
            Mainline + "ioctl.c, sgx_ioc_enclave_modify_types"),
        Row<SgxEnclaveRemovePages>(
            Generation.V6_0, "SGX_IOC_ENCLAVE_REMOVE_PAGES", 7, IoctlDirection.Write | IoctlDirection.Read,
            typeof(EnclaveRemovePages), call => new EnclaveRemovePages(call),
            Mainline + "ioctl.c, sgx_ioc_enclave_remove_pages"),
    ];

    /// <summary>The row of a command, or null: another generation's numbers are strange here.</summary>
    /// <param name="generation">The interface in force.</param>
    /// <param name="device">The device the file is open on.</param>
    /// <param name="command">The command number.</param>
    public static IoctlRow? Find(Generation generation, IoctlDevice device, uint command)
    {
        foreach (var row in Rows)
        {
            if (row.Command == command && row.Device == device && row.Generation == generation)
            {
                return row;
            }
        }

        return null;
    }

    /// <summary>The table in Markdown, for the support page of the documentation.</summary>
    public static string RenderMarkdown()
    {
        var text = new StringBuilder();
        text.Append("| generation | ioctl | nr | structure | bytes | command | class | source |\n");
        text.Append("|---|---|---|---|---|---|---|---|\n");
        foreach (var row in Rows)
        {
            text.Append($"| {row.Generation.Name()} | {row.Name} | {row.Number} | {row.Structure?.Name ?? "none"} ");
            text.Append($"| {row.Size} | 0x{row.Command:x8} | {row.Class.Name} | {row.Citation} |\n");
        }

        return text.ToString();
    }

    private static IoctlRow Row<T>(
        Generation generation,
        string name,
        byte number,
        IoctlDirection direction,
        Type implementation,
        Func<IoctlCall, IoctlOperation> create,
        string citation)
        where T : unmanaged =>
        new(generation, IoctlDevice.Enclave, name, number, direction, typeof(T), Unsafe.SizeOf<T>(), implementation, create, citation);

    private static IoctlRow VirtualEpcRow(
        Generation generation,
        string name,
        byte number,
        Type implementation,
        Func<IoctlCall, IoctlOperation> create,
        string citation) =>
        new(generation, IoctlDevice.VirtualEpc, name, number, IoctlDirection.None, null, 0, implementation, create, citation);
}
