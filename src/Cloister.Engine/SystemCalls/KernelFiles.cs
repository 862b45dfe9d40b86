using System.Globalization;
using System.Text;
using Cloister.Engine.Instructions;
using Cloister.Processor.Cpus;

namespace Cloister.Engine.SystemCalls;

/// <summary>Files of the kernel's that say other things on a machine with SGX.</summary>
internal static class KernelFiles
{
    /// <summary>Whether a path is that of the EPC's size.</summary>
    public static bool IsSgxSize(string path) => path == "/sys/devices/system/node/node0/x86/sgx_total_bytes";

    /// <summary>What a file says; null where it is none of these.</summary>
    /// <param name="path">Its path.</param>
    /// <param name="epcPages">Pages of the EPC.</param>
    /// <param name="cpuid">CPUID as the machine answers it.</param>
    /// <param name="model">The processor with a name, if it is one.</param>
    public static byte[]? Contents(string path, int epcPages, CpuidEmulator cpuid, CpuModel? model)
    {
        if (IsSgxSize(path))
        {
            // arch/x86/kernel/cpu/sgx/main.c: sgx_total_bytes_show.
            return Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{(long)epcPages * 4096}\n"));
        }

        return path == "/proc/cpuinfo" ? Encoding.ASCII.GetBytes(CpuinfoText.Of(File.ReadLines(path), cpuid.Named, model)) : null;
    }
}
