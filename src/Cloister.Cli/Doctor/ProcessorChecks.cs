using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Cloister.Linux;

namespace Cloister.Cli.Doctor;

/// <summary>What the processor has.</summary>
internal static class ProcessorChecks
{
    private static readonly (int Number, string Name)[] s_components =
    [
        (2, "AVX"), (5, "AVX-512 masks"), (6, "AVX-512 upper halves"), (7, "AVX-512 upper registers"), (9, "PKRU"),
        (17, "AMX configuration"), (18, "AMX tiles"),
    ];

    /// <summary>One finding after the other.</summary>
    public static IEnumerable<DoctorFinding> All()
    {
        if (!X86Base.IsSupported || RuntimeInformation.ProcessArchitecture != System.Runtime.InteropServices.Architecture.X64)
        {
            return [new DoctorFinding(FindingKind.Fatal, "processor", "processor", $"{RuntimeInformation.ProcessArchitecture}",
                "SGX programs are x86-64 code, and Cloister runs it on the processor itself")];
        }

        return [RealSgx(), Fsgsbase(), ProtectionKeys(), CpuidFaulting(), ExtendedState()];
    }

    // SDM 3A, CPUID: leaf 07H EBX bit 2 (SGX), leaf 12H sub-leaf 0 EAX bits 0 (SGX1) and 1 (SGX2).
    private static DoctorFinding RealSgx()
    {
        bool flag = MaximumLeaf >= 7 && (X86Base.CpuId(7, 0).Ebx & 1 << 2) != 0;
        int capabilities = flag && MaximumLeaf >= 0x12 ? X86Base.CpuId(0x12, 0).Eax : 0;
        bool node = FileStatus.TryGet("/dev/sgx_enclave", out FileStatus status) == Errno.None && status.IsCharacterDevice;
        string processor = !flag ? "no" : (capabilities & 3) switch { 0 => "in CPUID, disabled", 3 => "SGX1 and SGX2", _ => "SGX1" };
        return node && (capabilities & 1) != 0
            ? new DoctorFinding(FindingKind.Note, "sgx", "real SGX", $"{processor}, /dev/sgx_enclave",
                "this machine has the real thing; under `cloister run` programs see Cloister's all the same")
            : new DoctorFinding(FindingKind.Note, "sgx", "real SGX", $"{processor}, {(node ? "" : "no ")}/dev/sgx_enclave",
                "not needed: Cloister is the machine");
    }

    private static DoctorFinding Fsgsbase() => HostKernel.HasFsgsbase
        ? new DoctorFinding(FindingKind.Good, "fsgsbase", "FSGSBASE", "yes",
            "FS and GS change at entry and exit without a system call, as the fast engine needs")
        : new DoctorFinding(FindingKind.Limit, "fsgsbase", "FSGSBASE", "no",
            "a processor since 2012 (AMD: 2017) and Linux 5.9 have it; without, enclaves are entered by --engine=trap");

    private static DoctorFinding ProtectionKeys()
    {
        Errno error = HostProbe.ProtectionKeys();
        return MachineDefaults.HasProtectionKeys && error == Errno.None
            ? new DoctorFinding(FindingKind.Note, "pku", "protection keys", "yes",
                "not used yet; they could hide enclave memory from the host at no stop's cost")
            : new DoctorFinding(FindingKind.Note, "pku", "protection keys", MachineDefaults.HasProtectionKeys ? $"{error}"
                : "no", "not needed: --isolation=strict hides enclave memory without them");
    }

    private static DoctorFinding CpuidFaulting() => HostProbe.CpuidFaulting() == Errno.None
        ? new DoctorFinding(FindingKind.Note, "cpuid_faulting", "CPUID faulting", "yes",
            "for --cpuid=fault, as programs that read code want it (valgrind)")
        : new DoctorFinding(FindingKind.Note, "cpuid_faulting", "CPUID faulting", "no",
            "not needed: CPUID instructions are replaced in the code that programs map");

    // SDM 1, "Enumeration of CPU support for XSAVE": CPUID.0DH.
    private static DoctorFinding ExtendedState()
    {
        if (MaximumLeaf < 0xd)
        {
            return new DoctorFinding(FindingKind.Limit, "xsave", "XSAVE", "no", "enclaves see x87 and SSE only");
        }

        (int low, int size, _, _) = X86Base.CpuId(0xd, 0);
        var parts = new List<string>();
        foreach ((int number, string name) in s_components)
        {
            if ((low & 1 << number) != 0)
            {
                (int length, int offset, _, _) = X86Base.CpuId(0xd, number);
                parts.Add($"{name} {length} at {offset}");
            }
        }

        string components = parts.Count == 0 ? "x87 and SSE" : string.Join(", ", parts);
        return new DoctorFinding(FindingKind.Good, "xsave", "XSAVE", $"{size} bytes: {components}",
            "an enclave's SSA frame has these sizes and offsets (AMD's AVX-512 lies elsewhere than Intel's)");
    }

    private static int MaximumLeaf => X86Base.CpuId(0, 0).Eax;
}
