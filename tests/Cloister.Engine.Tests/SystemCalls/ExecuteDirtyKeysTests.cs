using Cloister.Engine.Tests.Harness;

namespace Cloister.Engine.Tests.SystemCalls;

/// <summary>add_key, by a program that makes the system call itself.</summary>
public class ExecuteDirtyKeysTests
{
    // add_key is call 248, the thread's keyring -1. A failed call prints the negated errno.
    private const string Prelude = """
        sub key { my ($type, $payload, $length) = @_; my $description = "a description"; my $r = syscall(248, $type, $description, $payload, $length // length $payload, -1); $r < 0 ? -($!+0) : $r }
        my $line = "mrenclave " . "1" x 64 . "\n";
        """;

    [Theory]
    [InlineData("edmm-v1")]
    [InlineData("edmm-v2")]
    [InlineData("edmm-augment")]
    [InlineData("edmm-v3")]
    public void A_key_gets_a_serial_number_of_its_own(string uapi) => Says(uapi, """
        my @serials = map { key("enclave_execdirty", $line) } 1 .. 3;
        print $serials[0] > 0 && $serials[1] > $serials[0] && $serials[2] > $serials[1] ? "ascending\n" : "@serials\n";
        """, "ascending\n");

    [Fact]
    public void What_is_not_understood_or_too_long_is_EINVAL() => Says("edmm-v2", """
        print key("enclave_execdirty", $_), "\n" for "everybody\n", "mrenclave 00\n", "#" x 32768;
        print key("enclave_execdirty", "#" x 32767) > 0 ? "as long as can be\n" : "refused\n";
        print key("enclave_execdirty", "") > 0 ? "nothing\n" : "refused\n";
        """, "-22\n-22\n-22\nas long as can be\nnothing\n");

    [Fact]
    public void A_payload_that_cannot_be_read_is_EFAULT() => Says("edmm-v2", """print key("enclave_execdirty", 8, 100), "\n" """, "-14\n");

    [Theory]
    [InlineData("v6.0")]
    [InlineData("v5.11")]
    public void Interfaces_without_it_do_not_know_the_type(string uapi) =>
        Says(uapi, """print key("enclave_execdirty", $line), "\n" """, "-19\n");

    [Fact]
    public void Keys_of_other_types_are_the_kernels_own()
    {
        const string program = Prelude
            + """print key("user", "x") > 0 ? "added\n" : -key("user", "x") . "\n"; print key("no such type", "x"), "\n"; print key(8, "x"), "\n" """;
        (int status, string output, _) = TestPrograms.Run("perl", "-e", program);
        (int tracedStatus, string tracedOutput, _) = TestPrograms.RunTraced("--uapi edmm-v2", "perl", "-e", program);
        Assert.Equal((status, output), (tracedStatus, tracedOutput));
    }

    private static void Says(string uapi, string program, string expected)
    {
        (int status, string output, string error) = TestPrograms.RunTraced($"--uapi {uapi}", "perl", "-e", Prelude + program);
        Assert.Equal((0, expected, ""), (status, output, error));
    }
}
