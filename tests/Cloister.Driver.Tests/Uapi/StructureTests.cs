using System.Runtime.InteropServices;
using Cloister.Driver.Ioctls.Tables;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Tests.Uapi;

public class StructureTests
{
    // Names in order, and sizes, of arch/x86/include/uapi/asm/sgx.h; every field is a __u64.
    public static TheoryData<Type, string[]> Structures => new()
    {
        { typeof(SgxEnclaveCreate), ["Src"] },
        { typeof(SgxEnclaveAddPages), ["Src", "Offset", "Length", "Secinfo", "Flags", "Count"] },
        { typeof(SgxEnclaveInit), ["Sigstruct"] },
        { typeof(SgxEnclaveProvision), ["Fd"] },
        { typeof(SgxEnclaveRestrictPermissions), ["Offset", "Length", "Permissions", "Result", "Count"] },
        { typeof(SgxEnclaveModifyTypes), ["Offset", "Length", "PageType", "Result", "Count"] },
        { typeof(SgxEnclaveRemovePages), ["Offset", "Length", "Count"] },
        { typeof(SgxEnclaveRelaxPerm), ["Offset", "Length", "Secinfo", "Count"] },
        { typeof(SgxEnclaveRestrictPerm), ["Offset", "Length", "Secinfo", "Result", "Count"] },
        { typeof(SgxEnclaveModt), ["Offset", "Length", "Secinfo", "Result", "Count"] },
        { typeof(SgxPageModp), ["Offset", "Length", "Prot", "Result", "Count"] },
        { typeof(SgxPageModt), ["Offset", "Length", "Type", "Result", "Count"] },
        { typeof(SgxEnclaveAugmentPages), ["Offset", "Length", "Count"] },
        { typeof(SgxEnclaveCreateBacked), ["Src", "Backing"] },
        { typeof(SgxEnclaveCreateSeparatelyBacked), ["Src", "Contents", "Pcmd"] },
    };

    [Fact]
    public void Every_structure_of_the_table_is_here() =>
        Assert.All(
            IoctlTable.Rows.Where(row => row.Structure is not null && row.Generation >= Generation.V5_11),
            row => Assert.Contains(Structures, data => (Type)data[0] == row.Structure));

    [Theory]
    [MemberData(nameof(Structures))]
    public void Fields_lie_where_the_header_has_them(Type structure, string[] fields)
    {
        Assert.Equal(8 * fields.Length, Marshal.SizeOf(structure));
        Assert.Equal(fields.Length, structure.GetFields().Count(field => !field.IsStatic));
        for (int i = 0; i < fields.Length; i++)
        {
            Assert.Equal(8 * i, (int)Marshal.OffsetOf(structure, fields[i]));
            Assert.Equal(typeof(ulong), structure.GetField(fields[i])!.FieldType);
        }
    }

    // The drivers before v20 have packed structures with fields of several sizes.
    [Theory]
    [InlineData(typeof(SgxEnclaveAddPage), "Addr 0 Src 8 Secinfo 16 Mrmask 24", 26)]
    [InlineData(typeof(SgxEnclaveInitByAddress), "Addr 0 Sigstruct 8", 16)]
    [InlineData(typeof(SgxEnclaveInitWithToken), "Addr 0 Sigstruct 8 Einittoken 16", 24)]
    [InlineData(typeof(SgxEnclaveRemovePagesByAddress), "Addr 0 Length 8", 16)]
    [InlineData(typeof(SgxEnclaveModifyPages), "Addr 0 Length 8 Secinfo 16 Op 24", 25)]
    [InlineData(typeof(SgxEncluRegister), "Enclu 0 Handler 8", 16)]
    [InlineData(typeof(SgxRange), "StartAddr 0 NrPages 8 Padding 12", 16)]
    [InlineData(typeof(SgxModificationParam), "Range 0 Flags 16", 24)]
    [InlineData(typeof(SgxPageAddress), "Addr 0", 8)]
    public void Packed_structures_lie_where_their_headers_have_them(Type structure, string offsets, int size)
    {
        var fields = structure.GetFields().Where(field => !field.IsStatic);
        Assert.Equal(offsets, string.Join(' ', fields.Select(field => $"{field.Name} {Marshal.OffsetOf(structure, field.Name)}")));
        Assert.Equal(size, Marshal.SizeOf(structure));
    }

    [Theory]
    [InlineData("v6.0", "SGX_IOC_ENCLAVE_CREATE", 0x4008a400u)]
    [InlineData("v6.0", "SGX_IOC_ENCLAVE_ADD_PAGES", 0xc030a401u)]
    [InlineData("v6.0", "SGX_IOC_ENCLAVE_INIT", 0x4008a402u)]
    [InlineData("v6.0", "SGX_IOC_ENCLAVE_PROVISION", 0x4008a403u)]
    [InlineData("v6.0", "SGX_IOC_VEPC_REMOVE_ALL", 0x0000a404u)]
    [InlineData("v6.0", "SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS", 0xc028a405u)]
    [InlineData("v6.0", "SGX_IOC_ENCLAVE_MODIFY_TYPES", 0xc028a406u)]
    [InlineData("v6.0", "SGX_IOC_ENCLAVE_REMOVE_PAGES", 0xc018a407u)]
    public void Command_numbers_are_the_kernels(string generation, string name, uint command)
    {
        var row = Assert.Single(IoctlTable.Rows, row => row.Generation.Name() == generation && row.Name == name);
        Assert.Equal(command, row.Command);
    }

    [Theory]
    [InlineData(IoctlDirection.None, 0, 0, 0xa400u)]
    [InlineData(IoctlDirection.Write, 0xff, 16383, 0x7fffa4ffu)]
    [InlineData(IoctlDirection.Write | IoctlDirection.Read, 1, 1, 0xc001a401u)]
    public void Numbers_are_encoded_as_ioc_does(IoctlDirection direction, byte number, int size, uint command) =>
        Assert.Equal(command, IoctlNumber.Encode(direction, number, size));

    [Fact]
    public void Sizes_of14_bits_are_the_most() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => IoctlNumber.Encode(IoctlDirection.Write, 0, 16384));
}
