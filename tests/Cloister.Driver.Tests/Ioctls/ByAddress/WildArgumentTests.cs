using Cloister.Driver.Ioctls.Tables;
using Cloister.Driver.Tests.Harness;

namespace Cloister.Driver.Tests.Ioctls.ByAddress;

/// <summary>Edge values in every pair of words of every structure of the drivers before v20: an errno, and nothing lost.</summary>
public class WildArgumentTests
{
    private static readonly ulong[] Edges =
    [
        0, 1, 2, 4, 4095, 4096, EnclaveImage.DefaultBase, EnclaveImage.DefaultBase + 1, EnclaveImage.DefaultBase + (8 * 4096),
        EnclaveImage.DefaultBase + (1023 * 4096), EnclaveImage.DefaultBase + (1024 * 4096), 1UL << 32, 1UL << 47, 1UL << 63,
        ulong.MaxValue - 4095, ulong.MaxValue,
    ];

    private static readonly DriverError[] Documented =
    [
        DriverError.EINVAL, DriverError.EFAULT, DriverError.ENOENT, DriverError.EEXIST, DriverError.ENOSYS,
    ];

    public static TheoryData<Generation, string, bool> Rows
    {
        get
        {
            var data = new TheoryData<Generation, string, bool>();
            foreach (var row in IoctlTable.Rows.Where(row => row.Generation < Generation.V5_11))
            {
                data.Add(row.Generation, row.Name, false);
                data.Add(row.Generation, row.Name, true);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void Nothing_is_lost_or_leaked(Generation generation, string name, bool initialized)
    {
        var row = IoctlTable.Rows.Single(row => row.Generation == generation && row.Name == name);
        var machine = new LegacyMachine(generation);
        if (initialized)
        {
            machine.Build();
        }

        int words = (row.Size + 7) / 8;
        byte[] bytes = new byte[words * 8];
        for (int i = 0; i < words; i++)
        {
            for (int j = i; j < words; j++)
            {
                foreach (ulong first in Edges)
                {
                    foreach (ulong second in i == j ? [first] : Edges)
                    {
                        BitConverter.TryWriteBytes(bytes.AsSpan(i * 8), first);
                        BitConverter.TryWriteBytes(bytes.AsSpan(j * 8), second);
                        ulong argument = machine.Program.Allocate(bytes);
                        long result = machine.Machine.Ioctl(machine.File, row.Command, argument, pageBudget: 50);
                        Assert.True(result >= 0 || Documented.Contains((DriverError)(-result)), $"{name} gave {result}");
                        machine.Program.Unmap(argument);
                    }
                }
            }
        }

        machine.Machine.AssertInvariants();
        machine.Machine.Driver.Release(machine.File);
        machine.Machine.AssertAllFree();
    }
}
