using System.IO.Compression;
using System.Security.Cryptography;
using System.Xml.Linq;
using Cloister.Host.Tests.Programs;

namespace Cloister.Host.Tests.Machine;

/// <summary>The packages as a project outside the repository sees them: restored from a folder, without a network, and run.</summary>
public sealed class PackageTests : IDisposable
{
    // Cloister.Host, Cloister.Images and Cloister.Testing, and what they are made of.
    private static readonly string[] s_packages = ["Cloister.Architecture", "Cloister.Processor", "Cloister.Linux", "Cloister.Images",
        "Cloister.Host", "Cloister.Testing"];

    // What they need of others. xunit.extensibility.core is for who tests.
    private static readonly string[] s_foreign = ["Tomlyn"];

    private readonly HashSet<string> _descriptions = [];
    private readonly string _folder = Directory.CreateTempSubdirectory("cloister-package-").FullName;

    private string Feed => Path.Combine(_folder, "feed");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_project_outside_the_repository_hosts_an_enclave_with_the_packages()
    {
        // What these tests were built with is packed, so nothing is built a second time.
        foreach (string package in s_packages)
        {
            Dotnet.Run(Machine.Root, "pack", Path.Combine("src", package), "--no-build", "-c", Machine.Configuration, "-o",
                Feed, "-v", "q");
        }

        Assert.All(s_packages, CheckPackage);
        foreach (string foreign in s_foreign)
        {
            CopyForeign(foreign);
        }

        string project = Directory.CreateDirectory(Path.Combine(_folder, "counter")).FullName;
        File.WriteAllText(Path.Combine(project, "nuget.config"), """
            <configuration>
              <packageSources><clear /><add key="local" value="../feed" /></packageSources>
              <config><add key="globalPackagesFolder" value="../packages" /></config>
            </configuration>
            """);
        File.WriteAllText(Path.Combine(project, "counter.csproj"), """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <ImplicitUsings>enable</ImplicitUsings>
                <Nullable>enable</Nullable>
                <TreatWarningsAsErrors>true</TreatWarningsAsErrors>
                <UseAppHost>false</UseAppHost>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="Cloister.Host" Version="*" />
                <PackageReference Include="Cloister.Images" Version="*" />
              </ItemGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(project, "Program.cs"), $$"""
            using Cloister.Host;
            using Cloister.Images;

            using var image = ImageReader.Open(args[0]);
            Console.WriteLine(EnclaveMeasurer.Measure(image, image.PreferredVariant).Text);
            using var enclave = Enclave.Load(args[0]);
            Console.WriteLine(enclave.Mrenclave);
            ulong data = enclave.At({{EnclaveFiles.DataOf("counter.signed.so")}}).Value;
            _ = enclave.Call(entry: {{(ulong)TestCode.Request.Add}}, data, 40);
            Console.WriteLine(enclave.Call(entry: {{(ulong)TestCode.Request.Add}}, data, 2).Rdx);
            """);
        Dotnet.Run(project, "build", "-c", "Release", "-o", Path.Combine(_folder, "out"), "-v", "q");

        string unsigned = Path.Combine(_folder, "counter.so"), key = Path.Combine(_folder, "key.pem");
        File.WriteAllBytes(unsigned, EnclaveFiles.All["intel.so"]());
        using (RSA rsa = DebugSigner.CreateKey())
        {
            File.WriteAllText(key, rsa.ExportRSAPrivateKeyPem());
        }

        (int status, string output) = Machine.Cloister("sign", unsigned, "--key", key);
        Assert.True(status == 0, output);
        (status, output) = Machine.Cloister("run", "--", "dotnet", Path.Combine(_folder, "out", "counter.dll"),
            Path.Combine(_folder, "counter.signed.so"));
        Assert.True(status == 0, output);
        string[] lines = output.Split('\n');
        Assert.Equal((64, lines[0], "42"), (lines[0].Length, lines[1], lines[2]));
    }

    private void CheckPackage(string package)
    {
        string path = Assert.Single(Directory.GetFiles(Feed, package + ".*.nupkg"));
        using ZipArchive archive = ZipFile.OpenRead(path), symbols = ZipFile.OpenRead(Path.ChangeExtension(path, ".snupkg"));
        string[] files = [.. archive.Entries.Select(entry => entry.FullName)];
        Assert.Contains("README.md", files);
        Assert.Contains($"lib/net10.0/{package}.dll", files);
        Assert.Contains($"lib/net10.0/{package}.xml", files);
        Assert.Contains($"lib/net10.0/{package}.pdb", symbols.Entries.Select(entry => entry.FullName));
        using Stream nuspec = archive.GetEntry(package + ".nuspec")!.Open();
        XElement[] elements = [.. XDocument.Load(nuspec).Descendants()];
        Assert.Equal("MIT", elements.Single(element => element.Name.LocalName == "license").Value);
        Assert.Equal("README.md", elements.Single(element => element.Name.LocalName == "readme").Value);
        Assert.Equal("icon.png", elements.Single(element => element.Name.LocalName == "icon").Value);
        Assert.Contains("icon.png", files);
        Assert.Contains("sgx", elements.Single(element => element.Name.LocalName == "tags").Value, StringComparison.Ordinal);
        Assert.True(_descriptions.Add(elements.Single(element => element.Name.LocalName == "description").Value),
            "each package says what it is");

        // What it depends on is packed as well: few things have to come from elsewhere.
        Assert.All(elements.Where(element => element.Name.LocalName == "dependency"),
            dependency =>
                Assert.Contains(dependency.Attribute("id")!.Value, s_packages.Concat(s_foreign).Append("xunit.extensibility.core")));
    }

    // From where the build of this repository has it.
    private void CopyForeign(string package)
    {
        string version = XDocument.Load(Path.Combine(Machine.Root, "Directory.Packages.props")).Descendants("PackageVersion")
            .Single(element => element.Attribute("Include")?.Value == package).Attribute("Version")!.Value;
        string folder = Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } given ? given
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        string file = $"{package}.{version}.nupkg".ToLowerInvariant();
        File.Copy(Path.Combine(folder, package.ToLowerInvariant(), version, file), Path.Combine(Feed, file));
    }
}
