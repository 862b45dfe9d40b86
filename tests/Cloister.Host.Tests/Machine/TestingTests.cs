namespace Cloister.Host.Tests.Machine;

/// <summary>The sample of Cloister.Testing, as its user runs it: by <c>dotnet test</c>.</summary>
public class TestingTests
{
    [Fact]
    public void Dotnet_test_runs_tests_that_need_sgx_under_the_command()
    {
        string output = Test($"-p:CloisterCommand=dotnet {Machine.Command}", "-p:CloisterTestHost=true");
        Assert.Matches(@"Failed: +0, Passed: +4, Skipped: +0", output);
    }

    [Fact]
    public void Without_the_command_they_are_skipped_and_say_why()
    {
        // With SGX they run.
        if (File.Exists(Linux.EnclaveDevice.EnclavePath))
        {
            return;
        }

        string output = Test("-p:CloisterCommand=cloister-that-is-nowhere");
        Assert.Matches(@"Failed: +0, Passed: +0, Skipped: +3", output);
    }

    private static string Test(params string[] properties)
    {
        // obj is the sample's: two at a time would write the same run settings.
        string folder = Path.Combine(Machine.Root, "samples", "testing");
        return Dotnet.Run(folder, ["test", "--no-build", "--nologo", "-c", Machine.Configuration, .. properties]);
    }
}
