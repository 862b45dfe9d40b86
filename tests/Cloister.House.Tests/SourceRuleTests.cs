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

            bool allowed = File.ReadAllText(Repository.At("src", project, project + ".csproj"))
                .Contains("<AllowUnsafeBlocks>true", StringComparison.Ordinal);
            Assert.Equal(project == Native, allowed);
        }

        Assert.NotEqual(0, found);
    }

    [Fact]
    public void The_processor_and_the_files_know_no_error_numbers_of_the_kernel()
    {
        string[] numbers = ErrorNumber().Matches(File.ReadAllText(Repository.At("src", "Cloister.Linux", "Errno.cs")))
            .Select(m => m.Groups[1].Value).ToArray();
        Assert.Contains("EFAULT", numbers);
        var word = new Regex($@"\b(Errno|{string.Join('|', numbers)})\b");
        foreach (string project in new[] { "Cloister.Architecture", "Cloister.Processor", "Cloister.Images", "Cloister.Attestation" })
        {
            Assert.All(Repository.Sources(project),
                file => Assert.False(word.IsMatch(Repository.Code(File.ReadAllText(file), out _)),
                    $"{file} names an error number of the kernel"));
        }
    }

    [Fact]
    public void No_source_knows_a_program_that_it_runs()
    {
        string[] programs = [.. Directory.EnumerateFiles(Repository.At("conformance", "programs"), "*.c")
            .Select(file => Path.GetFileNameWithoutExtension(file)!)];
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
                    Assert.All(programs.Where(name => name != "provision"),
                        name => Assert.DoesNotContain(literals,
                            literal => literal == name || literal.EndsWith("/" + name, StringComparison.Ordinal)));
                }
            }
        }
    }

    [Fact]
    public void Lines_end_where_editorconfig_says_but_for_a_text_that_is_longer()
    {
        Match limit = LineLimit().Match(File.ReadAllText(Repository.At(".editorconfig")));
        Assert.True(limit.Success, ".editorconfig has no max_line_length");
        int most = int.Parse(limit.Groups[1].Value);
        foreach (string file in Repository.Projects.SelectMany(Repository.Sources))
        {
            bool isText = false;
            foreach ((int index, string line) in File.ReadLines(file).Index())
            {
                bool wasText = isText;
                isText ^= Regex.Count(line, "\"{3,}") % 2 == 1;
                bool isLong = line.Length > most && !wasText && !isText && !LongText().IsMatch(line);
                Assert.False(isLong, $"{file}:{index + 1} has {line.Length} columns");
            }
        }
    }

    [Fact]
    public void Every_class_of_the_engine_is_named_by_a_test_of_its_own()
    {
        string tests =
            string.Concat(Directory.EnumerateFiles(Repository.At("tests", "Cloister.Engine.Tests"), "*.cs", SearchOption.AllDirectories)
                .Select(File.ReadAllText));
        HashSet<string> words = [.. Word().Matches(tests).Select(match => match.Value)];
        string[] unnamed = [.. typeof(Engine.Tracer).Assembly.GetTypes()
            .Where(type => type.IsClass && !type.IsNested
                && type.Namespace?.StartsWith("Cloister.Engine", StringComparison.Ordinal) == true)
            .Select(type => type.Name.Split('`')[0])
            .Where(name => !words.Contains(name))
            .Order(StringComparer.Ordinal)];
        string file = Repository.At("tests", "Cloister.House.Tests", "unnamed.txt");
        string[] listed = [.. File.ReadLines(file).Where(line => line.Length > 0 && line[0] != '#')];
        if (Environment.GetEnvironmentVariable("CLOISTER_REGENERATE") == "1")
        {
            File.WriteAllLines(file, [.. File.ReadLines(file).Where(line => line.Length == 0 || line[0] == '#' || unnamed.Contains(line))]);
            return;
        }

        Assert.True(unnamed.Except(listed).ToArray() is [],
            $"No test names these, nor does unnamed.txt, which may only get shorter: {string.Join(", ", unnamed.Except(listed))}");
        Assert.True(listed.Except(unnamed).ToArray() is [],
            $"unnamed.txt lists what a test names (CLOISTER_REGENERATE=1 takes it out): {string.Join(", ", listed.Except(unnamed))}");
    }

    [Fact]
    public void No_file_has_a_licence_line_or_comments_of_the_kernels_kind()
    {
        // Longer runs of its words are looked for by Cloister.Kernel.Tests, where the kernel's source is installed.
        string[] files = [
            .. new[] { "native", "conformance", "samples", "bench",
                "src" }.SelectMany(folder => Directory.EnumerateFiles(Repository.At(folder), "*", SearchOption.AllDirectories))
            .Where(file => Path.GetExtension(file) is ".c" or ".h" or ".S" or ".cs" or ""
                && !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal))];
        Assert.NotEmpty(files);
        Assert.All(files,
            file => Assert.DoesNotMatch(@"SPDX-License-" + @"Identifier|EXPORT_SYMBOL_GPL\(sgx|/\*\*\n \* \w+\(\) - ",
                File.ReadAllText(file)));
    }

    [Fact]
    public void Tests_whose_program_is_this_process_run_one_at_a_time()
    {
        string[] users = [
            .. Directory.EnumerateFiles(Repository.At("tests", "Cloister.Engine.Tests"), "*Tests.cs", SearchOption.AllDirectories)
            .Where(file => File.ReadAllText(file) is var text
                && (text.Contains("new TestEngine(", StringComparison.Ordinal)
                    || text.Contains("TestEngine _engine", StringComparison.Ordinal)))];
        Assert.InRange(users.Length, 10, 1000);
        Assert.All(users,
            file => Assert.Contains("[Collection(ScenarioCollection.Name)]", File.ReadAllText(file), StringComparison.Ordinal));
    }

    [Fact]
    public void Tests_are_called_by_sentences()
    {
        int found = 0;
        foreach (string file in Directory.EnumerateFiles(Repository.At("tests"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal)))
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

    [GeneratedRegex(@"\[\{src,tests\}/\*\*\.cs\]\nmax_line_length = (\d+)")]
    private static partial Regex LineLimit();

    // An interpolated one may have others in it.
    [GeneratedRegex("\\$@?\"|\"[^\"]{40,}\"")]
    private static partial Regex LongText();

    [GeneratedRegex(@"\w+")]
    private static partial Regex Word();

    [GeneratedRegex(@"^\s+(E\w+) = \d+", RegexOptions.Multiline)]
    private static partial Regex ErrorNumber();
}
