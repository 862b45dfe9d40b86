using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Cli.Explaining;
using Cloister.Driver;
using Cloister.Driver.Reclaim;
using Cloister.Driver.Tests.Harness;
using Cloister.Driver.Uapi;
using Cloister.Processor.Encls;
using static Cloister.Cli.Tests.Explaining.ProvokedDriver;

namespace Cloister.Cli.Tests.Explaining;

/// <summary>What brings each error of an ioctl about in the driver.</summary>
internal static class IoctlProvocations
{
    private const SecinfoFlags ReadWrite = SecinfoFlags.Reg | SecinfoFlags.R | SecinfoFlags.W;
    private const ulong Everything = 7, Nowhere = 1;
    private const int Absent = 500;

    private static readonly EnclaveImage s_image = new();

    private delegate long RangeCall(TestMachine machine, SgxEnclave enclave, int page, ulong what);

    /// <summary>All of them; some cases in more than one way.</summary>
    public static IReadOnlyList<Provocation> Cases { get; } =
    [
        .. OfAny(), .. OfBuilding(), .. OfBuildingByAddress(), .. OfPermissions(), .. OfTypes(), .. OfRemoval(), .. OfOldRanges(),
        .. OfOthers(),
    ];

    private static IEnumerable<Provocation> OfAny() =>
    [
        new("any ioctl", "ENOTTY", () => Explained(machine => Raw(machine, machine.Open(), 0xa463, 0)),
            "0x0000a463 gave ENOTTY", "the command is one of this interface; here 0x0000a463"),
        new("any ioctl", "EBUSY", () => Explained(machine =>
        {
            SgxEnclave enclave = machine.Open();
            using IoctlOperation first = machine.Driver.Ioctl(enclave, TestMachine.Command("ENCLAVE_CREATE"), Nowhere, machine.Program);
            Raw(machine, enclave, TestMachine.Command("ENCLAVE_INIT"), Nowhere);
        }), "SGX_IOC_ENCLAVE_INIT gave EBUSY", "no other ioctl runs on the same file"),
        new("any ioctl", "EFAULT", () => Explained(
            machine => Wild(machine, machine.Build(s_image), "ENCLAVE_AUGMENT_PAGES"), Generation.EdmmAugment),
            "SGX_IOC_ENCLAVE_AUGMENT_PAGES gave EFAULT on enclave 1",
                "the argument can be read, and written where results come back; here it is at 0x1"),
        new("any ioctl", "ENOMEM", () => Explained(machine =>
        {
            SgxEnclave enclave = machine.Build(s_image);
            Fill(machine);
            Augment(machine, enclave, Absent);
        }, Generation.EdmmAugment, epcPages: 32), "SGX_IOC_ENCLAVE_AUGMENT_PAGES gave ENOMEM",
            "there is room in the EPC, or something to evict"),
        new("any ioctl", "EIO", () => Explained(
            machine => Augment(machine, machine.Build(s_image), Absent), Generation.EdmmAugment, sgx2: false),
            "SGX_IOC_ENCLAVE_AUGMENT_PAGES gave EIO", "the leaf that the driver executes succeeds; here offset 0x1f4000",
                "EAUG gave #GP: "),
        new("any ioctl", "ENOENT", () => ExplainedByAddress(
            machine => machine.Add(0, ReadWrite, new byte[4096]), Generation.V16), "SGX_IOC_ENCLAVE_ADD_PAGE gave ENOENT",
                "the enclave is created"),
        new("any ioctl", IoctlCases.PowerLost, () => ExplainedByAddress(machine =>
        {
            machine.Build();
            LosePower(machine.Machine);
            machine.Add(Absent, ReadWrite, new byte[4096]);
        }, Generation.V16), "SGX_IOC_ENCLAVE_ADD_PAGE gave SGX_POWER_LOST_ENCLAVE", "the machine has kept its power since CREATE"),
        new("any ioctl", IoctlCases.LeafError, () => ExplainedByAddress(machine =>
        {
            machine.Build();
            Assert.Equal(VmFault.NoPage, machine.Program.Fault(machine.Image.At(100), Processor.AccessKind.Read));
            machine.Ioctl("ENCLAVE_MKTCS", Range(machine, 100));
        }, Generation.Isgx), "SGX_IOC_ENCLAVE_MKTCS gave SGX_PAGE_NOT_MODIFIABLE",
            "EMODT gave SGX_PAGE_NOT_MODIFIABLE: the page is pending"),
        new("any ioctl", IoctlCases.LeafError, () => ExplainedByAddress(machine =>
        {
            machine.Fill();
            machine.Initialize(new EnclaveImage { HeapPages = 3 }.Sigstruct());
        }, Generation.V16), "SGX_IOC_ENCLAVE_INIT gave SGX_INVALID_MEASUREMENT", "EINIT gave SGX_INVALID_MEASUREMENT: other pages"),
        new("any ioctl", IoctlCases.Uncopied, () => ExplainedByAddress(
            machine => machine.Ioctl("ENCLAVE_CREATE", new SgxEnclaveCreate { Src = Nowhere }), Generation.V16),
            "SGX_IOC_ENCLAVE_CREATE gave 4096, bytes not copied", "what the argument points to can be read; here it is at 0x1"),
    ];

    private static IEnumerable<Provocation> OfBuilding() =>
    [
        new("SGX_IOC_ENCLAVE_CREATE", "EINVAL", () => Explained(machine => machine.TryCreate(machine.Create(s_image), s_image.Secs())),
            "the enclave is not created yet"),
        new("SGX_IOC_ENCLAVE_CREATE", "EINVAL", () => Create(secs => secs with { Size = 3 * 4096 }),
            "SECS.SIZE is a power of two; here it is 0x3000"),
        new("SGX_IOC_ENCLAVE_CREATE", "EINVAL", () => Create(secs => secs with { Size = 1UL << 63 }),
            "SECS.SIZE leaves room for the file that pages are written out to; here it is 0x8000000000000000"),
        new("SGX_IOC_ENCLAVE_CREATE", "EIO", () => Create(secs => secs with { SsaFrameSize = 0 }), "ECREATE gave #GP: BASEADDR, SIZE"),
        new("SGX_IOC_ENCLAVE_CREATE", "EFAULT", () => Explained(machine =>
        {
            var parameters = new SgxEnclaveCreate { Src = Nowhere };
            machine.Ioctl(machine.Open(), "ENCLAVE_CREATE", ref parameters);
        }), "what the argument points to can be read; here it is at 0x1"),
        new("SGX_IOC_ENCLAVE_CREATE", "ENOMEM", () => Explained(machine =>
        {
            Fill(machine);
            machine.TryCreate(machine.Open(), s_image.Secs());
        }, epcPages: 32), "there is room in the EPC, or something to evict"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EINVAL", () => Add(add => add with { Offset = s_image.Size }),
            "offset and length are whole pages, not none, and end in the enclave; here it ends at 0x401000, the enclave's size is 0x400000"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EINVAL", () => Add(add => add with { Src = add.Src + 8 }),
            "the source is page aligned; here it is at 0x"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EINVAL", () => Add(SecinfoFlags.Trim),
            "the page type in the SECINFO is PT_REG or PT_TCS; here FLAGS is 0x400"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EINVAL", () => Add(SecinfoFlags.Reg | SecinfoFlags.W), "no W without R; here it is 0x202"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EINVAL", () => Add(SecinfoFlags.Tcs | SecinfoFlags.R),
            "a TCS has no permissions; here FLAGS is 0x101"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EINVAL", () => Add(ReadWrite | SecinfoFlags.Pending),
            "reserved bits and bytes of the SECINFO are 0; here FLAGS is 0x20b"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EINVAL", () => Explained(
            machine => machine.AddPages(machine.Open(), 0, ReadWrite, new byte[4096])), "the enclave is created"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EINVAL", () => Explained(
            machine => machine.AddPages(machine.Build(s_image), Absent, ReadWrite, new byte[4096])), "the enclave is not initialized yet"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EBUSY", () => Explained(machine =>
        {
            SgxEnclave enclave = machine.Create(s_image);
            machine.AddPages(enclave, 4, ReadWrite, new byte[4096]);
            machine.AddPages(enclave, 4, ReadWrite, new byte[4096]);
        }), "no page is at the offset yet; here offset 0x4000"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EACCES", () => Explained(machine =>
            AddFrom(machine, machine.Create(s_image), machine.Program.Allocate(new byte[4096], mayExecute: false))),
            "the source page's mapping may be executed (its file system is not noexec); here it is at 0x"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EIO", () => Explained(machine =>
            machine.AddPages(machine.Create(s_image), 0, SecinfoFlags.Tcs, Enumerable.Repeat((byte)0xff, 4096).ToArray())),
            "EADD gave #GP: the SECINFO is not legal"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EIO", () => Explained(machine =>
        {
            SgxEnclave enclave = machine.Create(s_image);
            LosePower(machine);
            machine.AddPages(enclave, 4, ReadWrite, new byte[4096]);
        }), "the leaf that the driver executes succeeds; here offset 0x4000", "EADD gave #PF: the EPC page is not valid any more"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EFAULT", () => Explained(machine => AddFrom(machine, machine.Create(s_image), 0x7fff_0000_0000)),
            "the source page is mapped; here it is at 0x7fff00000000"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "EFAULT", () => Explained(machine =>
        {
            SgxEnclave enclave = machine.Create(s_image);
            ulong source = machine.Program.Allocate(new byte[4096]);
            machine.Program.Unmap(source);
            AddFrom(machine, enclave, source);
        }), "the source page can be read; here it is at 0x"),
        new("SGX_IOC_ENCLAVE_ADD_PAGES", "ENOMEM", () => Explained(machine =>
        {
            SgxEnclave enclave = machine.Create(s_image);
            Fill(machine);
            machine.AddPages(enclave, 4, ReadWrite, new byte[4096]);
        }, epcPages: 32), "there is room in the EPC, or something to evict"),
        new("SGX_IOC_ENCLAVE_INIT", "EPERM", () => Explained(machine => machine.Initialize(machine.Create(s_image), s_image.Sigstruct())),
            "EINIT gave SGX_INVALID_MEASUREMENT: other pages"),
        new("SGX_IOC_ENCLAVE_INIT", "EINVAL", () => Explained(machine => machine.Initialize(machine.Build(s_image), s_image.Sigstruct())),
            "the enclave is not initialized yet"),
        new("SGX_IOC_ENCLAVE_INIT", "EACCES", () => Explained(machine =>
        {
            EnclaveImage provisioning = s_image with { Attributes = s_image.Attributes | AttributeFlags.ProvisionKey };
            machine.Initialize(machine.Create(provisioning), provisioning.Sigstruct());
        }), "SGX_IOC_ENCLAVE_INIT gave EACCES on enclave 1"),
        new("SGX_IOC_ENCLAVE_INIT", "EIO", () => Explained(machine =>
        {
            SgxEnclave enclave = machine.Create(s_image);
            LosePower(machine);
            machine.Initialize(enclave, s_image.Sigstruct());
        }), "EINIT gave #PF: the EPC page is not valid any more"),
        new("SGX_IOC_ENCLAVE_INIT", "EFAULT", () => Explained(machine =>
        {
            var parameters = new SgxEnclaveInit { Sigstruct = Nowhere };
            machine.Ioctl(machine.Create(s_image), "ENCLAVE_INIT", ref parameters);
        }), "what the argument points to can be read; here it is at 0x1"),
        new("SGX_IOC_ENCLAVE_PROVISION", "EINVAL", () => Explained(machine =>
        {
            var parameters = new SgxEnclaveProvision { Fd = 7 };
            machine.Ioctl(machine.Create(s_image), "ENCLAVE_PROVISION", ref parameters);
        }), "the descriptor is one of /dev/sgx_provision; here it is 7"),
        new("SGX_IOC_ENCLAVE_PROVISION", "EFAULT", () => Explained(machine => Wild(machine, machine.Open(), "ENCLAVE_PROVISION")),
            "the argument can be read"),
    ];

    private static IEnumerable<Provocation> OfBuildingByAddress() =>
    [
        new("SGX_IOC_ENCLAVE_CREATE", "EINVAL", () => ExplainedByAddress(
            machine => machine.Create(new EnclaveImage { Size = 4096 }.Secs()), Generation.V16), "ECREATE takes the SECS"),
        new("SGX_IOC_ENCLAVE_CREATE", "EINVAL", () => ExplainedByAddress(
            machine => machine.Create(new EnclaveImage { Size = machine.Image.Size / 2 }.Secs()), Generation.V16),
            "the enclave's range is one mapping of the device, without holes and without an enclave"),
        new("SGX_IOC_ENCLAVE_CREATE", "EFAULT", () => ExplainedByAddress(machine => machine.Create(), Generation.RfcEnclu),
            "an ENCLU exception handler is registered (SGX_IOC_ENCLU_REGISTER)"),
        new("SGX_IOC_ENCLAVE_CREATE_BACKED", "EINVAL", () => ExplainedByAddress(machine => machine.Ioctl("ENCLAVE_CREATE_BACKED",
            new SgxEnclaveCreateBacked { Src = machine.Program.Allocate(machine.Image.Secs()), Backing = 0x10001 }), Generation.V16),
            "the buffers for evicted pages are aligned"),
        new("SGX_IOC_ENCLAVE_CREATE_BACKED", "EFAULT",
            () => ExplainedByAddress(machine => Wild(machine, "ENCLAVE_CREATE_BACKED"), Generation.V16),
            "the argument can be read"),
        new("SGX_IOC_ENCLAVE_CREATE_BACKED", "ENOMEM", () => ExplainedByAddress(machine =>
        {
            Fill(machine.Machine);
            machine.Ioctl("ENCLAVE_CREATE_BACKED", new SgxEnclaveCreateBacked { Src = machine.Program.Allocate(machine.Image.Secs()) });
        }, Generation.V16, epcPages: 32), "there is room in the EPC, or something to evict"),
        new("SGX_IOC_ENCLAVE_CREATE_SEPARATELY_BACKED", "EINVAL", () => ExplainedByAddress(machine =>
            machine.Ioctl("ENCLAVE_CREATE_SEPARATELY_BACKED", new SgxEnclaveCreateSeparatelyBacked
            {
                Src = machine.Program.Allocate(machine.Image.Secs()),
                Contents = 0x10000,
            }), Generation.V16), "the buffers for evicted pages are aligned, both there"),
        new("SGX_IOC_ENCLAVE_CREATE_SEPARATELY_BACKED", "EFAULT", () => ExplainedByAddress(
            machine => Wild(machine, "ENCLAVE_CREATE_SEPARATELY_BACKED"), Generation.V16), "the argument can be read"),
        new("SGX_IOC_ENCLAVE_CREATE_SEPARATELY_BACKED", "ENOMEM", () => ExplainedByAddress(machine =>
        {
            Fill(machine.Machine);
            machine.Ioctl("ENCLAVE_CREATE_SEPARATELY_BACKED",
                new SgxEnclaveCreateSeparatelyBacked { Src = machine.Program.Allocate(machine.Image.Secs()) });
        }, Generation.V16, epcPages: 32), "there is room in the EPC, or something to evict"),
        new("SGX_IOC_ENCLAVE_ADD_PAGE", "EINVAL", () => ExplainedByAddress(
            machine => machine.Build().Add(100, ReadWrite, new byte[4096]), Generation.V16), "the enclave is not initialized yet"),
        new("SGX_IOC_ENCLAVE_ADD_PAGE", "EINVAL", () => AddByAddress(0x1001, ReadWrite), "the address is page aligned; here it is 0x1001"),
        new("SGX_IOC_ENCLAVE_ADD_PAGE", "EINVAL", () => AddByAddress(0x1000, ReadWrite),
            "the address lies in a mapping of the device; here it is 0x1000"),
        new("SGX_IOC_ENCLAVE_ADD_PAGE", "EINVAL", () => AddByAddress(s_image.Base, SecinfoFlags.Tcs),
            "the TCS has no flags, page offsets within the enclave"),
        new("SGX_IOC_ENCLAVE_ADD_PAGE", "EEXIST", () => ExplainedByAddress(machine =>
        {
            machine.Create();
            machine.Add(4, ReadWrite, new byte[4096]);
            machine.Add(4, ReadWrite, new byte[4096]);
        }, Generation.V16), "no page is at the offset yet; here offset 0x4000"),
        new("SGX_IOC_ENCLAVE_ADD_PAGE", "EFAULT", () => ExplainedByAddress(machine =>
        {
            machine.Create();
            machine.Ioctl("ENCLAVE_ADD_PAGE", new SgxEnclaveAddPage { Addr = machine.Image.Base, Secinfo = Nowhere });
        }, Generation.V16), "what the argument points to can be read; here it is at 0x1"),
        new("SGX_IOC_ENCLAVE_ADD_PAGE", "EFAULT", () => ExplainedByAddress(machine =>
        {
            machine.Ioctl("ENCLAVE_CREATE_BACKED", new SgxEnclaveCreateBacked
            {
                Src = machine.Program.Allocate(machine.Image.Secs()),
                Backing = 0x7000_0000,
            });
            machine.Add(4, ReadWrite, new byte[4096]);
        }, Generation.V16), "the buffer for evicted pages can be written"),
        new("SGX_IOC_ENCLAVE_ADD_PAGE", "ENOMEM", () => ExplainedByAddress(machine =>
        {
            // A version array has 512 slots, the first of which is the SECS's.
            machine.Create();
            for (int page = 0; page < 511; page++)
            {
                Assert.Equal(0, machine.Add(page, ReadWrite, new byte[4096]));
            }

            Fill(machine.Machine);
            machine.Add(511, ReadWrite, new byte[4096]);
        }, Generation.V16, epcPages: 32), "there is room in the EPC, or something to evict"),
        new("SGX_IOC_ENCLAVE_INIT", "EFAULT", () => ExplainedByAddress(machine =>
        {
            // The worker finds no SECS any more.
            machine.Fill();
            machine.Machine.Machine.LosePower();
            machine.Initialize();
        }, Generation.V16), "the enclave lives: no page failed to be added"),
        new("SGX_IOC_ENCLAVE_INIT", "EINVAL", () => ExplainedByAddress(machine =>
        {
            EnclaveImage launch = s_image with { Attributes = s_image.Attributes | AttributeFlags.EinittokenKey };
            machine.Initialize(launch.Sigstruct());
        }, Generation.V16), "SGX_IOC_ENCLAVE_INIT gave EINVAL, without a minus", "the SIGSTRUCT does not ask for EINITTOKEN_KEY"),
    ];

    private static IEnumerable<Provocation> OfPermissions()
    {
        foreach ((string name, Generation generation, RangeCall call) in ((string, Generation, RangeCall)[])
            [("SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS", Generation.V6_0, Restrict), ("SGX_IOC_PAGE_MODP", Generation.EdmmV1, Modp)])
        {
            yield return new(name, "EINVAL", () => Explained(machine => call(machine, machine.Create(s_image), 4, 1), generation),
                "the enclave is initialized");
            yield return new(name, "EINVAL", () => Built(call, 4, 2, generation), "no W without R; here it is 0x2");
            yield return new(name, "EINVAL", () => Built(call, 4, 8, generation), "permissions are R, W and X only; here it is 0x8");
            yield return new(name, "EINVAL", () => Built(call, 0, 1, generation),
                "the page is of a type that can become that; here it is of type PT_TCS, and PT_REG is asked for");
            yield return new(name, "EFAULT", () => Built(call, Absent, 1, generation), "a page is at the offset; here offset 0x1f4000");
            yield return new(name, "EFAULT", () => Explained(machine =>
            {
                SgxEnclave enclave = machine.Build(s_image);
                Assert.Equal(VmFault.NoPage, machine.Program.Fault(s_image.At(100), Processor.AccessKind.Read));
                call(machine, enclave, 100, 1);
            }, generation), "the leaf that the driver executes succeeds", "EMODPR gave SGX_PAGE_NOT_MODIFIABLE: the page is pending");
            yield return new(name, "EFAULT", () => Explained(machine =>
            {
                SgxEnclave enclave = machine.Build(s_image);
                Spoil(machine, enclave, EnclaveImage.HeapPage);
                call(machine, enclave, EnclaveImage.HeapPage, 1);
            }, generation), "the leaf that the driver executes succeeds; here offset 0x8000",
                "ELDU gave SGX_MAC_COMPARE_FAIL: the page was not written out");
            yield return new(name, "EAGAIN", () => Ordered(call, name, generation), "it is not to fail by order (run --inject)");
            yield return new(name, "ENODEV", () => WithoutSgx2(call, generation), "the processor has SGX2");
        }

        yield return new("SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS", "EINVAL", () => Explained(machine =>
        {
            var parameters = new SgxEnclaveRestrictPermissions { Offset = 4096, Length = 4096, Permissions = 1, Result = 1, Count = 2 };
            machine.Ioctl(machine.Build(s_image), "ENCLAVE_RESTRICT_PERMISSIONS", ref parameters);
        }), "result and count are 0 in the argument; here one is 0x3");
        yield return new("SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS", "EINVAL", () => Built(RestrictBySecinfo, 4, 4, Generation.EdmmV3),
            "R is among the permissions; here it is 0x4");
        yield return new("SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS", "EPERM", () => Built(RestrictBySecinfo, 4, Everything, Generation.EdmmV2),
            "permissions are within those that the page was built with; here 0x7 is asked for, 0x3 is the most");
        yield return new("SGX_IOC_PAGE_MODP", "EPERM", () => Built(Modp, 4, Everything, Generation.EdmmV1),
            "0x7 is asked for, 0x3 is the most");
        yield return new("SGX_IOC_ENCLAVE_RELAX_PERMISSIONS", "EPERM", () => Built(Relax, 4, Everything, Generation.EdmmV2),
            "permissions are within those that the page was built with; here 0x7 is asked for, 0x3 is the most");
        yield return new("SGX_IOC_ENCLAVE_RELAX_PERMISSIONS", "EINVAL", () => Built(Relax, 0, 1, Generation.EdmmV2),
            "it is of type PT_TCS, and PT_REG is asked for");
        yield return new("SGX_IOC_ENCLAVE_RELAX_PERMISSIONS", "EFAULT", () => Built(Relax, Absent, 1, Generation.EdmmV2),
            "a page is at the offset");
        yield return new("SGX_IOC_ENCLAVE_RELAX_PERMISSIONS", "ENODEV", () => WithoutSgx2(Relax, Generation.EdmmV2),
            "the processor has SGX2");
    }

    private static IEnumerable<Provocation> OfTypes()
    {
        foreach ((string name, Generation generation, RangeCall call) in ((string, Generation, RangeCall)[])
            [
                ("SGX_IOC_ENCLAVE_MODIFY_TYPES", Generation.V6_0, ModifyTypes),
                ("SGX_IOC_ENCLAVE_MODIFY_TYPE", Generation.EdmmV3, ModifyType),
                ("SGX_IOC_PAGE_MODT", Generation.EdmmV1, Modt),
            ])
        {
            yield return new(name, "EINVAL", () => Built(call, 4, (ulong)PageType.Reg, generation),
                "the new type is PT_TCS or PT_TRIM; here it is 2");
            yield return new(name, "EINVAL", () => Built(call, 0, (ulong)PageType.Tcs, generation),
                "it is of type PT_TCS, and PT_TCS is asked for");
            yield return new(name, "EFAULT", () => Built(call, Absent, (ulong)PageType.Trim, generation), "a page is at the offset");
            yield return new(name, "EFAULT", () => Explained(machine =>
            {
                SgxEnclave enclave = machine.Build(s_image);
                LosePower(machine);
                call(machine, enclave, 4, (ulong)PageType.Trim);
            }, generation), "EMODT gave #PF: the EPC page is not valid any more");
            yield return new(name, "EPERM", () => Built(call, EnclaveImage.CodePage, (ulong)PageType.Tcs, generation),
                "permissions are within those that the page was built with; here 0x3 is asked for, 0x5 is the most");
            yield return new(name, "EAGAIN", () => Ordered(call, name, generation), "it is not to fail by order (run --inject)");
            yield return new(name, "ENODEV", () => WithoutSgx2(call, generation), "the processor has SGX2");
        }
    }

    private static IEnumerable<Provocation> OfRemoval()
    {
        foreach ((string name, Generation generation, RangeCall trim, RangeCall call) in ((string, Generation, RangeCall, RangeCall)[])
            [
                ("SGX_IOC_ENCLAVE_REMOVE_PAGES", Generation.V6_0, ModifyTypes, Remove("ENCLAVE_REMOVE_PAGES")),
                ("SGX_IOC_PAGE_REMOVE", Generation.EdmmV1, Modt, Remove("PAGE_REMOVE")),
            ])
        {
            yield return new(name, "EPERM", () => Built(call, 4, 0, generation),
                "the page is trimmed; here the page at 0x700000004000 is of type PT_REG");
            yield return new(name, "EPERM", () => Explained(machine =>
            {
                SgxEnclave enclave = machine.Build(s_image);
                Assert.Equal(0, trim(machine, enclave, 4, (ulong)PageType.Trim));
                call(machine, enclave, 4, 0);
            }, generation), "the enclave has accepted the trimming (EACCEPT); here the page at 0x700000004000");
            yield return new(name, "EINVAL", () => Explained(machine => call(machine, machine.Create(s_image), 4, 0), generation),
                "the enclave is initialized");
            yield return new(name, "EFAULT", () => Built(call, Absent, 0, generation), "a page is at the offset");
            yield return new(name, "EAGAIN", () => Ordered(call, name, generation), "it is not to fail by order (run --inject)");
            yield return new(name, "ENODEV", () => WithoutSgx2(call, generation), "the processor has SGX2");
        }

        yield return new("SGX_IOC_ENCLAVE_REMOVE_PAGES", "EFAULT", () => ExplainedByAddress(machine => machine.Build().Ioctl(
            "ENCLAVE_REMOVE_PAGES", new SgxEnclaveRemovePagesByAddress { Addr = machine.Image.Heap.Value, Length = 4096 }), Generation.V16),
            "the enclave has accepted the trimming (EACCEPT)");
        yield return new("SGX_IOC_ENCLAVE_PAGE_REMOVE", "EINVAL", () => ByAddress("ENCLAVE_PAGE_REMOVE",
            machine => new SgxPageAddress { Addr = machine.Image.At(Absent).Value }), "a page is at the offset; here offset 0x1f4000");
        yield return new("SGX_IOC_ENCLAVE_PAGE_REMOVE", "ENOSYS", () => ByAddressWithoutSgx2<SgxPageAddress>("ENCLAVE_PAGE_REMOVE"),
            "the processor has SGX2");
        yield return new("SGX_IOC_ENCLAVE_NOTIFY_ACCEPT", "EINVAL", () => ByAddress("ENCLAVE_NOTIFY_ACCEPT", machine => Range(machine, 4)),
            "the page is trimmed; here the page at 0x700000004000 is of type PT_REG");
        yield return new("SGX_IOC_ENCLAVE_NOTIFY_ACCEPT", "ENOSYS", () => ByAddressWithoutSgx2<SgxRange>("ENCLAVE_NOTIFY_ACCEPT"),
            "the processor has SGX2");
    }

    private static IEnumerable<Provocation> OfOldRanges() =>
    [
        new("SGX_IOC_ENCLAVE_EMODPR", "EINVAL", () => ByAddress("ENCLAVE_EMODPR",
            machine => new SgxModificationParam { Range = Range(machine, 0), Flags = 1 }), "it is of type PT_TCS, and PT_REG is asked for"),
        new("SGX_IOC_ENCLAVE_EMODPR", "EFAULT", () => ByAddress("ENCLAVE_EMODPR",
            machine => new SgxModificationParam { Range = Range(machine, Absent), Flags = 1 }), "a page is at the offset"),
        new("SGX_IOC_ENCLAVE_EMODPR", "ENOSYS", () => ByAddressWithoutSgx2<SgxModificationParam>("ENCLAVE_EMODPR"),
            "the processor has SGX2"),
        new("SGX_IOC_ENCLAVE_MKTCS", "EINVAL", () => ByAddress("ENCLAVE_MKTCS",
            machine => Range(machine, 4) with { NrPages = 0 }), "and end in the enclave; here the length is 0"),
        new("SGX_IOC_ENCLAVE_MKTCS", "EFAULT", () => ByAddress("ENCLAVE_MKTCS", machine => Range(machine, Absent)),
            "a page is at the offset"),
        new("SGX_IOC_ENCLAVE_MKTCS", "ENOSYS", () => ByAddressWithoutSgx2<SgxRange>("ENCLAVE_MKTCS"), "the processor has SGX2"),
        new("SGX_IOC_ENCLAVE_TRIM", "EINVAL", () => ByAddress("ENCLAVE_TRIM",
            machine => Range(machine, 4) with { NrPages = 2000 }),
                "and end in the enclave; here it ends at 0x7d4000, the enclave's size is 0x400000"),
        new("SGX_IOC_ENCLAVE_TRIM", "EFAULT", () => ByAddress("ENCLAVE_TRIM", machine => Range(machine, Absent)),
            "a page is at the offset"),
        new("SGX_IOC_ENCLAVE_TRIM", "ENOSYS", () => ByAddressWithoutSgx2<SgxRange>("ENCLAVE_TRIM"), "the processor has SGX2"),
        new("SGX_IOC_ENCLAVE_MODIFY_PAGES", "EINVAL", () => ExplainedByAddress(
            machine => machine.Ioctl("ENCLAVE_MODIFY_PAGES", new SgxEnclaveModifyPages { Op = 2 }), Generation.V16),
            "the operation is 0 (permissions) or 1 (type); here it is 2"),
        new("SGX_IOC_ENCLAVE_MODIFY_PAGES", "EFAULT", () => ExplainedByAddress(machine => machine.Build().Ioctl("ENCLAVE_MODIFY_PAGES",
            new SgxEnclaveModifyPages
            {
                Addr = machine.Image.At(Absent).Value,
                Length = 4096,
                Secinfo = machine.Allocate(new Secinfo(SecinfoFlags.Trim)),
                Op = 1,
            }), Generation.V16), "a page is at the offset"),
    ];

    private static IEnumerable<Provocation> OfOthers() =>
    [
        new("SGX_IOC_ENCLAVE_AUGMENT_PAGES", "EINVAL", () => Explained(
            machine => Augment(machine, machine.Create(s_image), Absent), Generation.EdmmAugment), "the enclave is initialized"),
        new("SGX_IOC_ENCLAVE_AUGMENT_PAGES", "EBUSY", () => Explained(
            machine => Augment(machine, machine.Build(s_image), 4), Generation.EdmmAugment),
                "no page is at the offset yet; here offset 0x4000"),
        new("SGX_IOC_ENCLU_REGISTER", "EINVAL", () => ExplainedByAddress(
            machine => machine.Ioctl("ENCLU_REGISTER", new SgxEncluRegister { Enclu = 0x1000, Handler = 0x1000 }), Generation.RfcEnclu),
            "ENCLU and its handler are at different addresses; here it is 0x1000"),
        new("SGX_IOC_VEPC_REMOVE_ALL", "EINVAL", () => Explained(
            machine => RemoveAll(machine, machine.Driver.OpenVirtualEpc(new TestStorage()), 1)), "the argument is 0; here it is 0x1"),
        new("SGX_IOC_VEPC_REMOVE_ALL", "EBUSY", () => Explained(ThreadInsideGuest, epcPages: 8),
            "EREMOVE gave SGX_ENCLAVE_ACT: a thread is inside"),
    ];

    // A guest's enclave in the virtual EPC, with a thread inside.
    private static void ThreadInsideGuest(TestMachine machine)
    {
        EnclaveImage image = s_image with { HeapPages = 0 };
        VirtualEpc guest = Fill(machine);
        EpcPage secs = guest.PageAt(0);
        Expect(Ecreate.Execute(machine.Machine, image.Secs(), default, secs));
        ulong next = 4096;
        foreach (var (page, flags, contents) in image.Pages())
        {
            EpcPage added = guest.PageAt(next);
            Expect(Eadd.Execute(machine.Machine, secs, image.At(page), new Secinfo(flags), contents, added));
            Expect(Eextend.ExecutePage(machine.Machine, added));
            machine.Program.InsertPage(image.At(page), added, Protection.Read | Protection.Write);
            next += 4096;
        }

        machine.Machine.LaunchControlHash = Signer.Instance.Mrsigner;
        Expect(Einit.Execute(machine.Machine, image.Sigstruct(), new byte[304], secs));
        machine.Program.Map(machine.Driver.OpenVirtualEpc(new TestStorage()), image.At(0), 8 * 4096);
        machine.StartThread().Enter(image.Tcs);
        RemoveAll(machine, guest, 0);
    }

    private static void RemoveAll(TestMachine machine, VirtualEpc guest, ulong argument)
    {
        using IoctlOperation operation = machine.Driver.Ioctl(guest, TestMachine.Command("VEPC_REMOVE_ALL"), argument, machine.Program);
        Assert.True(operation.Continue(int.MaxValue));
    }

    private static void Expect(Processor.LeafResult result) => Assert.True(result.IsSuccess, result.ToString());

    private static void LosePower(TestMachine machine)
    {
        machine.Driver.PrepareSuspend();
        machine.Machine.LosePower();
    }

    // A page is written out, and is not what it was when it is wanted again.
    private static void Spoil(TestMachine machine, SgxEnclave enclave, int page)
    {
        var reclaimer = new PageReclaimer(machine.Driver.State);
        ulong number = s_image.At(page).Value >> 12;
        for (int i = 0; i < 10 && enclave.Pages.TryGet(number, out _).IsResident; i++)
        {
            reclaimer.ReclaimPages(ignoreAge: true);
        }

        enclave.Backing.Contents(enclave.Pages.TryGet(number, out _).Backing)[0] ^= 1;
    }

    private static IReadOnlyList<string> Create(Func<Secs, Secs> change) => Explained(machine =>
    {
        byte[] secs = s_image.Secs();
        MemoryMarshal.Write(secs, change(MemoryMarshal.Read<Secs>(secs)));
        machine.TryCreate(machine.Open(), secs);
    });

    private static IReadOnlyList<string> Add(SecinfoFlags flags) =>
        Explained(machine => machine.AddPages(machine.Create(s_image), 4, flags, new byte[4096]));

    private static IReadOnlyList<string> Add(Func<SgxEnclaveAddPages, SgxEnclaveAddPages> change) => Explained(machine =>
    {
        var secinfo = new Secinfo(ReadWrite);
        SgxEnclaveAddPages parameters = change(new SgxEnclaveAddPages
        {
            Src = machine.Program.Allocate(new byte[4096]),
            Length = 4096,
            Secinfo = machine.Program.Allocate(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref secinfo, 1))),
        });
        machine.Ioctl(machine.Create(s_image), "ENCLAVE_ADD_PAGES", ref parameters);
    });

    private static void AddFrom(TestMachine machine, SgxEnclave enclave, ulong source)
    {
        var secinfo = new Secinfo(ReadWrite);
        var parameters = new SgxEnclaveAddPages
        {
            Src = source,
            Length = 4096,
            Secinfo = machine.Program.Allocate(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref secinfo, 1))),
        };
        machine.Ioctl(enclave, "ENCLAVE_ADD_PAGES", ref parameters);
    }

    private static IReadOnlyList<string> AddByAddress(ulong address, SecinfoFlags flags) => ExplainedByAddress(machine =>
    {
        machine.Create();
        machine.Ioctl("ENCLAVE_ADD_PAGE", new SgxEnclaveAddPage
        {
            Addr = address,
            Src = machine.Program.Allocate(Enumerable.Repeat((byte)0xff, 4096).ToArray()),
            Secinfo = machine.Allocate(new Secinfo(flags)),
        });
    }, Generation.V16);

    private static IReadOnlyList<string> Built(RangeCall call, int page, ulong what, Generation generation) =>
        Explained(machine => call(machine, machine.Build(s_image), page, what), generation);

    private static IReadOnlyList<string> WithoutSgx2(RangeCall call, Generation generation) =>
        Explained(machine => call(machine, machine.Create(s_image), 4, 1), generation, sgx2: false);

    private static IReadOnlyList<string> Ordered(RangeCall call, string name, Generation generation) =>
        Explained(machine => call(machine, machine.Create(s_image), 4, 1), generation,
            injected: new InjectedFailure(InjectedKind.Ioctl, name, DriverError.EAGAIN, 1, 1));

    private static IReadOnlyList<string> ByAddress<T>(string name, Func<LegacyMachine, T> parameters)
        where T : unmanaged => ExplainedByAddress(machine => machine.Build().Ioctl(name, parameters(machine)), Generation.Isgx);

    private static IReadOnlyList<string> ByAddressWithoutSgx2<T>(string name)
        where T : unmanaged => ExplainedByAddress(machine => machine.Ioctl(name, default(T)), Generation.Isgx, sgx2: false);

    private static SgxRange Range(LegacyMachine machine, int page) => new() { StartAddr = machine.Image.At(page).Value, NrPages = 1 };

    private static void Raw(TestMachine machine, SgxEnclave enclave, uint command, ulong argument) =>
        machine.Ioctl(enclave, command, argument);

    private static void Wild(TestMachine machine, SgxEnclave enclave, string name) =>
        Raw(machine, enclave, TestMachine.Command(name, machine.Driver.Options.Generation), Nowhere);

    private static void Wild(LegacyMachine machine, string name) => Wild(machine.Machine, machine.File, name);

    private static ulong SecinfoOf(TestMachine machine, SecinfoFlags flags)
    {
        var secinfo = new Secinfo(flags);
        return machine.Program.Allocate(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref secinfo, 1)));
    }

    private static long Augment(TestMachine machine, SgxEnclave enclave, int page)
    {
        var parameters = new SgxEnclaveAugmentPages { Offset = (ulong)page * 4096, Length = 4096 };
        return machine.Ioctl(enclave, "ENCLAVE_AUGMENT_PAGES", ref parameters);
    }

    private static long Restrict(TestMachine machine, SgxEnclave enclave, int page, ulong what)
    {
        var parameters = new SgxEnclaveRestrictPermissions { Offset = (ulong)page * 4096, Length = 4096, Permissions = what };
        return machine.Ioctl(enclave, "ENCLAVE_RESTRICT_PERMISSIONS", ref parameters);
    }

    private static long RestrictBySecinfo(TestMachine machine, SgxEnclave enclave, int page, ulong what)
    {
        var parameters = new SgxEnclaveRestrictPerm
        {
            Offset = (ulong)page * 4096,
            Length = 4096,
            Secinfo = SecinfoOf(machine, (SecinfoFlags)what),
        };
        return machine.Ioctl(enclave, "ENCLAVE_RESTRICT_PERMISSIONS", ref parameters);
    }

    private static long Relax(TestMachine machine, SgxEnclave enclave, int page, ulong what)
    {
        var parameters = new SgxEnclaveRelaxPerm
        {
            Offset = (ulong)page * 4096,
            Length = 4096,
            Secinfo = SecinfoOf(machine, (SecinfoFlags)what),
        };
        return machine.Ioctl(enclave, "ENCLAVE_RELAX_PERMISSIONS", ref parameters);
    }

    private static long Modp(TestMachine machine, SgxEnclave enclave, int page, ulong what)
    {
        var parameters = new SgxPageModp { Offset = (ulong)page * 4096, Length = 4096, Prot = what };
        return machine.Ioctl(enclave, "PAGE_MODP", ref parameters);
    }

    private static long ModifyTypes(TestMachine machine, SgxEnclave enclave, int page, ulong what)
    {
        var parameters = new SgxEnclaveModifyTypes { Offset = (ulong)page * 4096, Length = 4096, PageType = what };
        return machine.Ioctl(enclave, "ENCLAVE_MODIFY_TYPES", ref parameters);
    }

    private static long ModifyType(TestMachine machine, SgxEnclave enclave, int page, ulong what)
    {
        var parameters = new SgxEnclaveModt
        {
            Offset = (ulong)page * 4096,
            Length = 4096,
            Secinfo = SecinfoOf(machine, (SecinfoFlags)(what << 8)),
        };
        return machine.Ioctl(enclave, "ENCLAVE_MODIFY_TYPE", ref parameters);
    }

    private static long Modt(TestMachine machine, SgxEnclave enclave, int page, ulong what)
    {
        var parameters = new SgxPageModt { Offset = (ulong)page * 4096, Length = 4096, Type = what };
        return machine.Ioctl(enclave, "PAGE_MODT", ref parameters);
    }

    private static RangeCall Remove(string name) => (machine, enclave, page, _) =>
    {
        var parameters = new SgxEnclaveRemovePages { Offset = (ulong)page * 4096, Length = 4096 };
        return machine.Ioctl(enclave, name, ref parameters);
    };
}
