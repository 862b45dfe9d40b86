using System.Text.Json.Nodes;

namespace Cloister.Images.Tests.Verification;

public sealed class PolicySchemaTests
{
    private static readonly string Published = Path.Combine(Root(), "docs", "reference", "policy.schema.json");

    [Fact]
    public void The_published_schema_is_the_one_of_the_type()
    {
        string schema = VerificationPolicy.JsonSchema() + "\n";
        if (Environment.GetEnvironmentVariable("CLOISTER_REGENERATE") == "1")
        {
            File.WriteAllText(Published, schema);
        }

        Assert.Equal(schema, File.ReadAllText(Published));
    }

    [Fact]
    public void It_has_every_member_that_the_documentation_names_and_no_other()
    {
        IEnumerable<string> documented = File.ReadLines(Path.Combine(Root(), "docs", "reference", "formats.md"))
            .SkipWhile(line => line != "## Policy").Skip(1).TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
            .Where(line => line.StartsWith("| `", StringComparison.Ordinal)).Select(line => line.Split('`')[1]);
        JsonNode schema = JsonNode.Parse(VerificationPolicy.JsonSchema())!;
        Assert.Equal(documented, schema["properties"]!.AsObject().Select(member => member.Key));
        Assert.False((bool)schema["additionalProperties"]!);
        Assert.Equal("^[0-9A-Fa-f]{64}$", (string?)schema["properties"]!["mrsigner"]!["items"]!["pattern"]);
    }

    [Fact]
    public void What_a_policy_leaves_out_or_says_to_be_null_is_not_asked_for()
    {
        VerificationPolicy empty = VerificationPolicy.Parse("{}");
        Assert.Equal((0, 0, null, null), (empty.Mrenclave.Count, empty.Mrsigner.Count, empty.MinimumIsvsvn, empty.AllowDebug));
        VerificationPolicy none =
            VerificationPolicy.Parse("""{ "mrenclave": null, "mrsigner": null, "isvprodid": null, "notBefore": null }""");
        Assert.Equal((0, 0), (none.Mrenclave.Count, none.Mrsigner.Count));
        VerificationPolicy some =
            VerificationPolicy.Parse(
                """{ "MRENCLAVE": [ "00", ], /* as people write it */ "isvprodid": "7", "notBefore": "2026-01-31" }""");
        Assert.Equal(("00", (ushort?)7, new DateOnly(2026, 1, 31)), (Assert.Single(some.Mrenclave), some.Isvprodid, some.NotBefore));
    }

    private static string Root()
    {
        string directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Cloister.slnx")))
        {
            directory = Path.GetDirectoryName(directory)!;
        }

        return directory;
    }
}
