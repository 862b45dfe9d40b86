using System.Text.RegularExpressions;

namespace Cloister.House.Tests;

/// <summary>What may stand in which project.</summary>
public partial class SourceRuleTests
{
    private const string Native = "Cloister.Linux";

    [Fact]
    public void Unsafe_code_and_native_calls_stand_in_one_project()
    {
        int found = 0;
        foreach (string project in Repository.Projects)
        {
            foreach (string file in Repository.Sources(project))
            {
                bool native = NativeCode().IsMatch(Repository.Code(File.ReadAllText(file), out _));
                Assert.False(native && project != Native, $"{file} has unsafe code or a native call");
                found += native ? 1 : 0;
            }

            bool allowed = File.ReadAllText(Repository.At("src", project, project + ".csproj")).Contains("<AllowUnsafeBlocks>true", StringComparison.Ordinal);
            Assert.Equal(project == Native, allowed);
        }

        Assert.NotEqual(0, found);
    }

    [Fact]
    public void The_processor_and_the_files_know_no_error_numbers_of_the_kernel()
    {
        string[] numbers = ErrorNumber().Matches(File.ReadAllText(Repository.At("src", "Cloister.Linux", "Errno.cs"))).Select(m => m.Groups[1].Value).ToArray();
        Assert.Contains("EFAULT", numbers);
        var word = new Regex($@"\b(Errno|{string.Join('|', numbers)})\b");
        foreach (string project in new[] { "Cloister.Architecture", "Cloister.Processor", "Cloister.Images", "Cloister.Attestation" })
        {
            Assert.All(Repository.Sources(project), file => Assert.False(word.IsMatch(Repository.Code(File.ReadAllText(file), out _)), $"{file} names an error number of the kernel"));
        }
    }

    [Fact]
    public void No_source_knows_a_program_that_it_runs()
    {
        string[] programs = [.. Directory.EnumerateFiles(Repository.At("conformance", "programs"), "*.c").Select(file => Path.GetFileNameWithoutExtension(file)!)];
        Assert.NotEmpty(programs);

        // The names of the kernel's tests, of the enclave they load, and of their functions.
        string[] foreign = ["test_sgx", "test_encl", "unclobbered_vdso", "clobbered_vdso", "augment_via_eaccept", "oversubscribed"];
        foreach (string project in Repository.Projects)
        {
            foreach (string file in Repository.Sources(project))
            {
                string text = File.ReadAllText(file);
                _ = Repository.Code(text, out List<string> literals);

                // A name of several words is nobody else's; a name of one word may stand in prose.
                foreach (string name in programs.Where(p => p.Contains('_', StringComparison.Ordinal)).Concat(foreign))
                {
                    Assert.DoesNotMatch($@"\b{name}\b", text);
                }

                if (project is "Cloister.Processor" or "Cloister.Driver" or "Cloister.Engine" or "Cloister.Linux")
                {
                    // "provision" ends the device's name as well.
                    Assert.All(programs.Where(name => name != "provision"), name => Assert.DoesNotContain(literals, literal => literal == name || literal.EndsWith("/" + name, StringComparison.Ordinal)));
                }
            }
        }
    }

    [Fact]
    public void Tests_are_called_by_sentences()
    {
        int found = 0;
        foreach (string file in Directory.EnumerateFiles(Repository.At("tests"), "*.cs", SearchOption.AllDirectories).Where(file => !file.Contains("/obj/", StringComparison.Ordinal)))
        {
            foreach (Match test in TestName().Matches(File.ReadAllText(file)))
            {
                found++;
                Assert.DoesNotMatch("^([A-Z][a-z0-9]*){3,}$", test.Groups[1].Value);
            }
        }

        Assert.InRange(found, 900, 100_000);
    }

    [GeneratedRegex(@"\[(?:Fact|Theory|Property)[^\n]*\n(?:\s*\[[^\n]*\n|\s*//[^\n]*\n)*\s*public (?:static )?(?:async )?[\w<>]+ (\w+)\(")]
    private static partial Regex TestName();

    [GeneratedRegex(@"\bunsafe\b|\bDllImport\b|\bLibraryImport\b|\bNativeLibrary\b|\bdelegate\*|\bMarshal\.GetDelegateForFunctionPointer\b")]
    private static partial Regex NativeCode();

    [GeneratedRegex(@"^\s+(E\w+) = \d+", RegexOptions.Multiline)]
    private static partial Regex ErrorNumber();
}
