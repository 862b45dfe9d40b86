using System.Diagnostics;
using FsCheck;
using FsCheck.Fluent;
using Xunit.Abstractions;

namespace Cloister.Images.Tests.Fuzz;

/// <summary>
/// Damaged files of every format: the reader gives an enclave or one <see cref="ImageException"/>, in little time and memory.
/// CLOISTER_FUZZ_SECONDS makes each run as long as it says.
/// </summary>
public class MutationTests(ITestOutputHelper output)
{
    private const int Cases = 400;
    private const ulong MaximumPages = 20_000;
    private const long MaximumAllocation = 96L << 20;

    private static readonly Dictionary<string, Func<byte[]>> Files = new()
    {
        ["intel-sdk-elf"] = OtherFiles.Intel,
        ["intel-sdk-elf32"] = OtherFiles.Intel32,
        ["open-enclave"] = () => OtherFiles.OpenEnclave(),
        ["plain-elf"] = OtherFiles.PlainElf,
        ["sgxs"] = OtherFiles.Sgxs,
        ["gramine"] = OtherFiles.Gramine,
        ["intel-sdk-pe"] = () => PeEnclave.File(),
        ["intel-sdk-pe32"] = () => PeEnclave.File(is64: false, minor: 1),
        ["sigstruct"] = OtherFiles.Sigstruct,
    };

    // Places that a mutation prefers: headers and tables are at the ends of these files.
    private static readonly byte[] Interesting = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x10, 0x40, 0xfe];

    public static TheoryData<string> Formats => [.. Files.Keys];

    [Theory]
    [MemberData(nameof(Formats))]
    public void Any_damage_is_an_error_and_no_more(string format) =>
        Damage(format, Files[format](), file => ImageReader.Read(ByteSource.FromBytes(file)));

    // The manifest is whole, and libpal.so beside it is not.
    [Fact]
    public void Any_damage_of_libpal_is_an_error_and_no_more()
    {
        string path = Path.GetTempFileName();
        try
        {
            byte[] manifest = OtherFiles.Gramine();
            Damage("libpal", OtherFiles.Libpal(), file =>
            {
                File.WriteAllBytes(path, file);
                return ImageReader.Read(ByteSource.FromBytes(manifest), new ReadOptions { LibpalPath = path });
            });
        }
        finally
        {
            File.Delete(path);
        }
    }

    // A file that was never signed, laid out: the file is damaged, and the configuration.
    [Fact]
    public void Any_damage_before_the_layout_is_an_error_and_no_more()
        => Damage("layout", OtherFiles.Unsigned(), file => LaidOut(file, IntelSdkConfiguration.Default));

    [Fact]
    public void Any_damage_of_the_configuration_is_an_error_and_no_more()
    {
        byte[] file = OtherFiles.Unsigned();
        byte[] configuration =
        [
            .. "<EnclaveConfiguration><TCSNum>3</TCSNum><TCSMaxNum>8</TCSMaxNum><HeapMaxSize>0x80000</HeapMaxSize><HeapInitSize>0x10000</HeapInitSize>"u8,
            .. "<StackMaxSize>0x4000</StackMaxSize><MiscSelect>1</MiscSelect><ReservedMemMaxSize>0x4000</ReservedMemMaxSize><ELRangeSize>0x800000</ELRangeSize></EnclaveConfiguration>"u8,
        ];
        Damage("configuration", configuration,
            xml => LaidOut(file, IntelSdkConfiguration.Parse(System.Text.Encoding.Latin1.GetString(xml))));
    }

    private static EnclaveImage LaidOut(byte[] file, IntelSdkConfiguration configuration)
        => IntelSdkLayout.Make(ImageReader.Read(ByteSource.FromBytes(file)), configuration);

    private void Damage(string format, byte[] original, Func<byte[], EnclaveImage> read)
    {
        using (EnclaveImage whole = read(original))
        {
            // What is damaged is right before.
            Assert.All(whole.Variants.Where(variant => variant.Pages is not null), variant => EnclaveMeasurer.Measure(whole, variant));
        }

        int seconds = int.TryParse(Environment.GetEnvironmentVariable("CLOISTER_FUZZ_SECONDS"), out int asked) ? asked : 0;
        Gen<Mutation[]> mutations = Gen.Choose(1, 6).SelectMany(count => Mutations(original.Length).ArrayOf(count));
        long started = Stopwatch.GetTimestamp();
        TimeSpan before = Environment.CpuUsage.TotalTime;
        int rounds = 0;
        do
        {
            Prop.ForAll(Arb.From(mutations), list => Exercise(Mutation.Apply(original, list), read))
                .Check(Config.QuickThrowOnFailure.WithMaxTest(Cases));
            rounds++;
        }
        while (Stopwatch.GetElapsedTime(started).TotalSeconds < seconds);

        // The CPU time is that of the process: it is the reader's when no other test runs beside it.
        output.WriteLine($"{format}: {(long)rounds * Cases} damaged files, {Stopwatch.GetElapsedTime(started).TotalSeconds:f0} s, "
            + $"{(Environment.CpuUsage.TotalTime - before).TotalSeconds:f0} s of CPU time");
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void Every_truncation_is_an_error_and_no_more(string format)
    {
        byte[] original = Files[format]();
        int step = Math.Max(1, original.Length / 500);
        for (int length = 0; length < original.Length; length += step)
        {
            Exercise(original[..length], file => ImageReader.Read(ByteSource.FromBytes(file)));
        }
    }

    private static void Exercise(byte[] file, Func<byte[], EnclaveImage> read)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using EnclaveImage image = read(file);
            foreach (EnclaveVariant variant in image.Variants)
            {
                Look(image, variant);
            }
        }
        catch (ImageException)
        {
            // The one clear error.
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated < MaximumAllocation, $"{allocated} bytes were allocated for a file of {file.Length}");
    }

    private static void Look(EnclaveImage image, EnclaveVariant variant)
    {
        PageMap? map = variant.Pages is null ? null : PageMap.Read(image, variant, 1000);
        EnclaveReview.Run(image, variant, map);
        if (map is null || map.Pages <= MaximumPages)
        {
            EnclaveVerifier.Verify(image, variant, new VerificationPolicy { AllowWritableCode = false });
        }

        // A large enclave, honestly declared, takes its time: then it is only begun.
        if (map is not null && map.Pages <= MaximumPages)
        {
            EnclaveComparison.Find(image, variant, image, variant);
        }
        else if (map is not null)
        {
            using var enough = new CancellationTokenSource();
            try
            {
                EnclaveMeasurer.Measure(image, variant, null, new Limit(enough), enough.Token);
            }
            catch (OperationCanceledException)
            {
                // As asked.
            }
        }
    }

    private static Gen<Mutation> Mutations(int length) =>
        from kind in Gen.Choose(0, 3)
        from position in Gen.OneOf(Gen.Choose(0, length - 1), Gen.Choose(0, Math.Min(length, 256) - 1),
            Gen.Choose(Math.Max(0, length - 2048), length - 1))
        from value in Gen.OneOf(Gen.Elements(Interesting), Gen.Choose(0, 255).Select(number => (byte)number))
        from count in Gen.Choose(1, 16)
        select new Mutation(kind, position, value, count);

    private sealed class Limit(CancellationTokenSource enough) : IProgress<ulong>
    {
        public void Report(ulong value)
        {
            if (value > MaximumPages)
            {
                enough.Cancel();
            }
        }
    }

    /// <summary>One kind of damage: a byte, a run of bytes, a removed piece, a doubled piece.</summary>
    internal sealed record Mutation(int Kind, int Position, byte Value, int Count)
    {
        public static byte[] Apply(byte[] original, Mutation[] mutations)
        {
            var file = new List<byte>(original);
            foreach (Mutation mutation in mutations)
            {
                int at = Math.Min(mutation.Position, file.Count - 1);
                int count = Math.Min(mutation.Count, file.Count - at);
                if (at < 0)
                {
                    break;
                }

                switch (mutation.Kind)
                {
                    case 0:
                        file[at] = mutation.Value;
                        break;
                    case 1:
                        for (int i = 0; i < count; i++)
                        {
                            file[at + i] = mutation.Value;
                        }

                        break;
                    case 2:
                        file.RemoveRange(at, count);
                        break;
                    default:
                        file.InsertRange(at, file.GetRange(at, count));
                        break;
                }
            }

            return [.. file];
        }
    }
}
