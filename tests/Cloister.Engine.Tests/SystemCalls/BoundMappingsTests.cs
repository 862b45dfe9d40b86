using Cloister.Engine.Tests.Harness;

namespace Cloister.Engine.Tests.SystemCalls;

/// <summary>mmap of the drivers before v20, by a program that makes the system calls itself.</summary>
public class BoundMappingsTests
{
    // mmap is call 9, munmap 11. PROT_NONE, for nothing is there yet. A failed call prints the negated errno.
    private const string Prelude = """
        use Fcntl;
        sysopen(my $f, shift, O_RDWR) or die "open: $!";
        sub call { my $r = syscall($_[0], @_[1 .. $#_]); return $r < 0 ? -($!+0) : $r }
        sub map { my ($address, $length, $flags) = @_; call(9, $address, $length, 0, $flags, fileno($f), 0) }
        sub mapped { my $start = sprintf "%x-", shift; open my $m, "<", "/proc/self/maps"; scalar grep { /^$start.*memfd/ } <$m> }
        my ($shared, $private, $fixed, $noreplace) = (1, 2, 0x11, 0x100001);
        """;

    public static TheoryData<string, string> Nodes { get; } = new()
    { { "isgx", "/dev/isgx" }, { "v16", "/dev/sgx" }, { "rfc-enclu", "/dev/sgx" } };

    [Theory]
    [MemberData(nameof(Nodes))]
    public void A_mapping_is_aligned_to_its_length(string uapi, string node) => Says(uapi, node,
        """for my $n (13, 16, 21, 30) { my $a = &map(0, 1 << $n, $shared); print $a > 0 && $a % (1 << $n) == 0 && mapped($a) ? "aligned\n" : "$a\n" }""",
        "aligned\naligned\naligned\naligned\n");

    [Theory]
    [MemberData(nameof(Nodes))]
    public void What_no_enclave_could_have_is_refused(string uapi, string node) => Says(uapi, node, """
        print &map(0, $_, $shared), "\n" for 4096, 3 * 4096, (1 << 20) + 4096, 0;
        print &map(0, 1 << 20, $private), "\n";
        print &map(0x10000800, 1 << 20, $fixed), "\n";
        """, "-22\n-22\n-22\n-22\n-22\n-22\n");

    [Fact]
    public void A_fixed_place_is_kept_and_what_is_there_is_not_replaced_unless_asked_for() => Says("isgx", "/dev/isgx", """
        my $a = &map(0, 1 << 20, $shared);
        print &map($a, 1 << 20, $noreplace), "\n";
        print mapped($a) ? "there\n" : "gone\n";
        print &map($a, 1 << 20, $fixed) == $a ? "replaced\n" : "elsewhere\n";
        """, "-17\nthere\nreplaced\n");

    [Fact]
    public void The_mapping_outlives_the_descriptor_and_ends_with_munmap() => Says("v16", "/dev/sgx", """
        my $a = &map(0, 1 << 20, $shared);
        close $f;
        print mapped($a) ? "there\n" : "gone\n";
        print call(11, $a, 1 << 20), "\n";
        print mapped($a) ? "there\n" : "gone\n";
        """, "there\n0\ngone\n");

    [Fact]
    public void A_child_of_fork_does_not_have_it() => Says("v16", "/dev/sgx", """
        $| = 1;
        my $a = &map(0, 1 << 20, $shared);
        my $child = fork();
        if ($child == 0) { print mapped($a) ? "there\n" : "not in the child\n"; exit 0 }
        waitpid $child, 0;
        print mapped($a) ? "in the parent\n" : "gone\n";
        """, "not in the child\nin the parent\n");

    [Fact]
    public void Each_mapping_is_an_enclave_of_its_own_and_comes_back_in_whole()
    {
        (int status, string output, string error) = TestPrograms.RunTraced("--uapi isgx --epc 128M --stats", "perl", "-e",
            Prelude + """my @a = map { &map(0, 1 << 20, $shared) } 1 .. 50; print "differ\n" if 50 == keys %{{ map { $_ => 1 } @a }};""",
            "/dev/isgx");
        Assert.Equal((0, "differ\n"), (status, output));
        Assert.Contains("epc pages total: 32768\nepc pages free: 32768\n", error, StringComparison.Ordinal);
    }

    private static void Says(string uapi, string node, string program, string expected)
    {
        (int status, string output, string error) = TestPrograms.RunTraced($"--uapi {uapi}", "perl", "-e", Prelude + program, node);
        Assert.Equal((0, expected, ""), (status, output, error));
    }
}
