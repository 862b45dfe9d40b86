using System.Text.Json.Nodes;
using Cloister.Cli.Containers;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Containers;

public class ContainerConfigurationTests
{
    private static readonly ProgramFiles s_files = ProgramFiles.Of(["/lib/ld-linux-x86-64.so.2", "/lib/libc.so.6"], "/opt/cloister");

    [Fact]
    public void The_machine_stands_before_the_program_and_its_files_are_mounted()
    {
        JsonNode after =
            Installed("""{"process":{"args":["a","--","b"],"cwd":"/"},"mounts":[{"destination":"/dev"}],"root":{"path":"r"}}""");
        Assert.Equal("/dev/.cloister/ld-linux-x86-64.so.2 --library-path /dev/.cloister /dev/.cloister/cloister run --epc=8M -- a -- b",
            Words(after["process"]!["args"]!));
        Assert.Equal(["/dev", "/dev/.cloister/cloister", "/dev/.cloister/ld-linux-x86-64.so.2", "/dev/.cloister/libc.so.6"],
            after["mounts"]!.AsArray().Select(mount => (string?)mount!["destination"]));
        Assert.Equal(("/opt/cloister", "bind"), ((string?)after["mounts"]![1]!["source"], (string?)after["mounts"]![1]!["type"]));
        Assert.Equal(("/", "r"), ((string?)after["process"]!["cwd"], (string?)after["root"]!["path"]));
    }

    [Fact]
    public void Installed_twice_it_is_there_once()
    {
        string once = Installed("""{"process":{"args":["a","--","b"]}}""").ToJsonString();
        Assert.Equal(once, Installed(once).ToJsonString());
    }

    [Theory]
    [InlineData("", "line 1: not JSON")]
    [InlineData("{\n\"process\":\n}", "line 3: not JSON")]
    [InlineData("[]", "no JSON object")]
    [InlineData("{}", "no process")]
    [InlineData("""{"process":[]}""", "process is not what")]
    [InlineData("""{"process":{}}""", "process.args is empty")]
    [InlineData("""{"process":{"args":[]}}""", "process.args is empty")]
    [InlineData("""{"process":{"args":"sh"}}""", "args is not what")]
    [InlineData("""{"process":{"args":["sh"]},"mounts":{}}""", "mounts is not what")]
    [InlineData("""{"process":{"args":["sh"],"args":["ls"]}}""", "twice")]
    public void What_is_no_configuration_is_refused_and_stays_as_it_is(string json, string reason)
    {
        using var directory = new TemporaryDirectory();
        string file = directory.Write("config.json", json);
        Assert.Contains(reason, Assert.Throws<ContainerException>(() => Install(file)).Message, StringComparison.Ordinal);
        Assert.Equal(json, File.ReadAllText(file));
        Assert.Single(Directory.GetFiles(directory.Path));
    }

    [Fact]
    public void The_files_mode_stays()
    {
        using var directory = new TemporaryDirectory();
        const UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;
        string file = directory.Write("config.json", """{"process":{"args":["a"]}}""", mode);
        Install(file);
        Assert.Equal(mode, File.GetUnixFileMode(file));
        Assert.Single(Directory.GetFiles(directory.Path));
    }

    [Fact]
    public void A_file_that_is_not_there_is_told_of() =>
        Assert.Contains("no such file",
            Assert.Throws<ContainerException>(() => ContainerConfiguration.Read("/nowhere/config.json")).Message, StringComparison.Ordinal);

    [Fact]
    public void Dotnet_is_no_program_for_a_container() =>
        Assert.Contains("native", Assert.Throws<ContainerException>(() => ProgramFiles.Of([], "/usr/bin/dotnet")).Message,
            StringComparison.Ordinal);

    [Fact]
    public void A_program_without_a_dynamic_linker_is_none() =>
        Assert.Throws<ContainerException>(() => ProgramFiles.Of([], "/opt/cloister"));

    private static JsonNode Installed(string json)
    {
        using var directory = new TemporaryDirectory();
        string file = directory.Write("config.json", json);
        Install(file);
        return JsonNode.Parse(File.ReadAllText(file))!;
    }

    private static void Install(string file)
    {
        var configuration = ContainerConfiguration.Read(file);
        configuration.InstallMachine(s_files, ["--epc=8M"]);
        configuration.Write();
    }

    private static string Words(JsonNode arguments) => string.Join(' ', arguments.AsArray().Select(argument => (string?)argument));
}
