using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Cloister.Architecture;
using Cloister.Host.Tests.Programs;
using Cloister.Images;
using FsCheck;
using FsCheck.Fluent;
using Check = Cloister.Images.Check;

namespace Cloister.Host.Tests.Machine;

/// <summary>What <c>cloister sign</c> signs runs under <c>cloister run</c>; with one bit changed it does not, and both say which.</summary>
public sealed class RoundTripTests : IDisposable
{
    private const int Flips = 8;
    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-round-trip-").FullName;

    public static TheoryData<string> Files => [.. EnclaveFiles.All.Keys];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Files))]
    public void Signed_in_one_step_or_in_two_it_runs(string name)
    {
        string unsigned = Write(name, EnclaveFiles.All[name]());
        string key = Key();
        string one = Sign(unsigned, "one", "--key", key);

        // The second is signed by a tool that knows nothing of enclaves.
        string digest = Path.Combine(_folder, "digest"), signature = Path.Combine(_folder, "signature"),
            publicKey = Path.Combine(_folder, "public.pem");
        using (var rsa = RSA.Create())
        {
            rsa.ImportFromPem(File.ReadAllText(key));
            File.WriteAllText(publicKey, rsa.ExportSubjectPublicKeyInfoPem());
            Cloister("sign", unsigned, "--digest-out", digest, "--isvsvn", "3");
            if (!OpensslSigns(key, digest, signature))
            {
                File.WriteAllBytes(signature, rsa.SignHash(File.ReadAllBytes(digest), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
            }
        }

        string two = Sign(unsigned, "two", "--signature-in", signature, "--public-key", publicKey, "--isvsvn", "3");
        Assert.All([one, two],
            signed => Assert.Contains("Everything that was checked holds", Cloister("verify", signed), StringComparison.Ordinal));
        Assert.Equal([FileLoads.Ran, FileLoads.Ran], Load("load", [], one, two).Select(load => load.Outcome));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void One_bit_of_a_measured_page_is_refused_and_the_page_is_named(string name)
    {
        string signed = Sign(Write(name, EnclaveFiles.All[name]()), "good", "--key", Key());
        byte[] good = File.ReadAllBytes(signed);
        List<(long At, ulong Page)> measured = MeasuredBytes(signed);

        // Any bit of any measured page: verification, and what it names, in this process.
        Prop.ForAll(Arb.From(Gen.Choose(0, (8 * measured.Count) - 1)), bit =>
        {
            (long at, ulong page) = measured[bit / 8];
            using EnclaveImage first = Signed(good, signed), second = Signed(Flipped(good, at, bit % 8), signed);
            Check failed =
                Assert.Single(EnclaveVerifier.Verify(second, second.PreferredVariant, new VerificationPolicy()), check => !check.Passed);
            Assert.Equal("content", failed.Name);
            Assert.Equal(page, EnclaveComparison.Find(first, first.PreferredVariant, second, second.PreferredVariant)!.Offset);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(50));

        // Some of them by the command, and on the machine.
        var random = new Random(name.Length);
        (string Path, ulong Page)[] bad = [.. Enumerable.Range(0, Flips).Select(i =>
        {
            (long at, ulong page) = measured[(i * (measured.Count / Flips)) + random.Next(measured.Count / Flips)];
            return (Neighbour(signed, $"bad{i}", Flipped(good, at, random.Next(8))), page);
        })];
        (int status, string output) = Machine.Cloister("verify", bad[0].Path, "--against", signed);
        Assert.Equal(1, status);
        Assert.Contains($"page      0x{bad[0].Page:x}: content from byte", output, StringComparison.Ordinal);

        Refusal[] refusals = Load("load", ["--against", signed], [.. bad.Select(one => one.Path)]);
        for (int i = 0; i < Flips; i++)
        {
            Assert.StartsWith($"{FileLoads.Refused}{nameof(EnclaveOperationException)}: SGX_IOC_ENCLAVE_INIT: EPERM", refusals[i].Outcome,
                StringComparison.Ordinal);
            Assert.Equal(2, refusals[i].Lines.Length);
            Assert.StartsWith("cloister: EINIT refused the enclave, for its pages are not those that were signed: ENCLAVEHASH ",
                refusals[i].Lines[0], StringComparison.Ordinal);
            Assert.Matches($"^cloister:   page 0x{bad[i].Page:x} \\(.*\\), from byte 0x[0-9a-f]+: expected [0-9a-f]+, found [0-9a-f]+$",
                refusals[i].Lines[1]);
        }
    }

    [Fact]
    public void One_bit_of_the_sigstruct_is_refused_and_the_field_is_named()
    {
        string unsigned = Write("stream.sgxs", EnclaveFiles.Sgxs());
        string signed = Sign(unsigned, "good", "--key", Key());
        byte[] good = File.ReadAllBytes(Path.ChangeExtension(signed, ".sig"));
        Sigstruct none = default;
        var random = new Random(1808);
        (string Path, string Field, int Start, int At)[] bad = [.. SigstructText.Fields(in none).Select(field =>
        {
            int at = field.Offset + random.Next(field.Size);
            return (Neighbour(signed, $"field{field.Offset}.css", Flipped(good, at, random.Next(8))), field.Name, field.Offset, at);
        })];

        Assert.All(bad, one =>
        {
            Sigstruct sigstruct = System.Runtime.InteropServices.MemoryMarshal.Read<Sigstruct>(File.ReadAllBytes(one.Path));
            Check[] failed = [.. SigstructChecks.Run(in sigstruct, 0).Where(check => !check.Passed)];
            Assert.NotEmpty(failed);
            Assert.Contains(failed, check => check.Where.StartsWith(one.Field.Split(' ')[0], StringComparison.Ordinal)
                || (check.Name == "reserved" && check.Where.Contains($"SIGSTRUCT offset {one.At},", StringComparison.Ordinal)));
        });
        (string changed, _, _, int place) = bad.Single(one => one.Field == "ISVSVN");
        (int status, string output) = Machine.Cloister("verify", signed, "--sigstruct", changed);
        Assert.Equal(1, status);
        Assert.Contains($"where     ISVSVN, SIGSTRUCT offset {place}, file offset 0x{place:x}", output, StringComparison.Ordinal);

        Refusal[] refusals = Load("init", [], [signed, .. bad.Select(one => one.Path)]);
        Assert.Equal(bad.Length, refusals.Length);
        for (int i = 0; i < bad.Length; i++)
        {
            Assert.StartsWith(FileLoads.Refused, refusals[i].Outcome, StringComparison.Ordinal);
            Assert.Equal(2, refusals[i].Lines.Length);
            Assert.StartsWith("cloister: EINIT refused the SIGSTRUCT, for its check of ", refusals[i].Lines[0], StringComparison.Ordinal);

            // A constant or a quotient is told from its first byte on, else the byte.
            string where = $"cloister:   {Regex.Escape(bad[i].Field)}, SIGSTRUCT offset";
            Assert.Matches($"^{where} ({bad[i].At}|{bad[i].Start}): expected .+, found .+$", refusals[i].Lines[1]);
        }
    }

    [Fact]
    public void Without_the_file_to_compare_with_it_says_how_to_find_the_page()
    {
        string signed = Sign(Write("stream.sgxs", EnclaveFiles.Sgxs()), "good", "--key", Key());
        long at = MeasuredBytes(signed)[0].At;
        string bad = Neighbour(signed, "bad", Flipped(File.ReadAllBytes(signed), at, 0));
        Refusal refusal = Assert.Single(Load("load", [], bad));
        Assert.Equal(2, refusal.Lines.Length);
        Assert.Contains("cloister run --against FILE", refusal.Lines[1], StringComparison.Ordinal);

        // A file of something else names no page.
        refusal = Assert.Single(Load("load", ["--against", bad], bad));
        Assert.Contains("is not what was signed either", refusal.Lines[1], StringComparison.Ordinal);
    }

    private static byte[] Flipped(byte[] bytes, long at, int bit)
    {
        byte[] changed = (byte[])bytes.Clone();
        changed[at] ^= (byte)(1 << bit);
        return changed;
    }

    // Where in the file each byte of a measured page stands, and the page.
    // Pages of zeros are made by the loader, and a TCS is checked by EADD.
    private static List<(long At, ulong Page)> MeasuredBytes(string path)
    {
        byte[] file = File.ReadAllBytes(path), page = new byte[LinearAddress.PageSize];
        using var image = ImageReader.Open(path);
        var places = new List<(long, ulong)>();
        int from = 0;
        foreach (PageRun run in image.PreferredVariant.Pages!.Where(run => run.PageType != PageType.Tcs && !run.IsUnmeasured))
        {
            for (ulong i = 0; i < run.Count; i++)
            {
                run.Content.Read(i, page);

                // Pages come in the order of the file. A stream has its records between the chunks.
                for (int chunk = 0; chunk < page.Length; chunk += PageRun.ChunkSize)
                {
                    ReadOnlySpan<byte> bytes = page.AsSpan(chunk, PageRun.ChunkSize);
                    int found = bytes.IndexOfAnyExcept((byte)0) < 0 ? -1 : file.AsSpan(from).IndexOf(bytes);
                    if (found >= 0)
                    {
                        from += found;
                        places.AddRange(Enumerable.Range(from, bytes.Length)
                            .Select(at => ((long)at, run.Offset + (i * LinearAddress.PageSize))));
                    }
                }
            }
        }

        return places;
    }

    private static EnclaveImage Signed(byte[] file, string path) =>
        ImageReader.Read(ByteSource.FromBytes(file), new ReadOptions
        {
            Path = path,
            SigstructPath = File.Exists(Path.ChangeExtension(path, ".sig")) ? Path.ChangeExtension(path, ".sig") : null,
        });

    private static string Cloister(params string[] arguments)
    {
        (int status, string output) = Machine.Cloister(arguments);
        Assert.True(status == 0, $"status {status}: {output}");
        return output;
    }

    private static bool OpensslSigns(string key, string digest, string signature)
    {
        try
        {
            using Process openssl = Process.Start("openssl",
                ["pkeyutl", "-sign", "-inkey", key, "-pkeyopt", "digest:sha256", "-in", digest, "-out", signature]);
            openssl.WaitForExit();
            Assert.Equal(0, openssl.ExitCode);
            return true;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // It is not installed. .NET's RSA is another tool that knows nothing of enclaves.
            return false;
        }
    }

    // Runs the test program on the machine, and cuts what is said at its own lines.
    private static Refusal[] Load(string mode, string[] options, params string[] files)
    {
        string output = Cloister(["run", .. options, "--", "dotnet", typeof(FileLoads).Assembly.Location, mode, .. files]);
        return [.. output.Split(FileLoads.Loads)[1..].Select(load =>
        {
            string[] lines = load.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            return new Refusal(lines[^1], lines[1..^1]);
        })];
    }

    private string Key()
    {
        using RSA key = DebugSigner.CreateKey();
        return Write("key.pem", System.Text.Encoding.ASCII.GetBytes(key.ExportRSAPrivateKeyPem()));
    }

    private string Sign(string unsigned, string name, params string[] how)
    {
        // A format that keeps its SIGSTRUCT apart is found by its neighbour's name.
        bool apart = !unsigned.EndsWith(".so", StringComparison.Ordinal);
        string signed = Path.Combine(_folder, name + Path.GetExtension(unsigned));
        Cloister(["sign", unsigned, .. how, "--output", apart ? Path.ChangeExtension(signed, ".sig") : signed]);
        if (apart)
        {
            File.Copy(unsigned, signed);
        }

        return signed;
    }

    private string Neighbour(string signed, string name, byte[] content)
    {
        string path = Path.Combine(_folder, Path.HasExtension(name) ? name : name + Path.GetExtension(signed));
        string sigstruct = Path.ChangeExtension(signed, ".sig");
        if (!Path.HasExtension(name) && File.Exists(sigstruct))
        {
            File.Copy(sigstruct, Path.ChangeExtension(path, ".sig"));
        }

        File.WriteAllBytes(path, content);
        return path;
    }

    private string Write(string name, byte[] content)
    {
        string path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    private sealed record Refusal(string Outcome, string[] Lines);
}
