namespace Cloister.Cli.Doctor;

/// <summary>What the system around the kernel has.</summary>
internal static class SystemChecks
{
    /// <summary>One finding after the other.</summary>
    public static IEnumerable<DoctorFinding> All() => [Memory(), Device()];

    private static DoctorFinding Memory()
    {
        HostMemory memory = HostMemory.Read();
        string found = $"{SizeText.Of(memory.Available)} of {SizeText.Of(memory.Total)} free";
        return memory.Available >= 256 << 20
            ? new DoctorFinding(FindingKind.Good, "memory", "memory", found,
                "an EPC takes memory as its pages are used, and evicted pages take as much")
            : new DoctorFinding(FindingKind.Limit, "memory", "memory", found,
                $"little for the default EPC of {SizeText.Of(memory.DefaultEpc)}; use --epc 32M");
    }

    // On real SGX a /dev mounted noexec keeps enclave pages from being executable.
    private static DoctorFinding Device()
    {
        string? options = null;
        foreach (string line in File.ReadLines("/proc/self/mounts"))
        {
            string[] parts = line.Split(' ');
            if (parts.Length > 3 && parts[1] == "/dev")
            {
                options = parts[3];
            }
        }

        bool noexec = options?.Split(',').Contains("noexec") ?? false;
        return new DoctorFinding(FindingKind.Note, "dev", "/dev", options is null ? "part of the root file system"
            : noexec ? "mounted noexec" : "mounted without noexec",
            noexec ? "no matter here; on a machine with real SGX it would make enclave code fail to map (mount -o remount,exec /dev)"
            : "no matter here: Cloister makes no device nodes, programs see its own");
    }
}
