using Cloister.Cli.Joining;
using Cloister.Engine.Options;
using Cloister.Linux;

namespace Cloister.Cli.Tests.Joining;

public class JoinRequestTests
{
    private static JoinRequest Sample => new(
        ["--epc=8M", "--no-sgx2"],
        7,
        new ProgramInvocation
        {
            Path = "/bin/é"u8.ToArray(),
            Arguments = [[0xff, 0xfe], []],
            Environment = ["A=b"u8.ToArray()],
            Limits = [new ResourceLimit(7, 1, ulong.MaxValue)],
        });

    [Fact]
    public void It_arrives_as_it_was_sent()
    {
        JoinRequest read = JoinRequest.Read(Sample.ToBytes())!;
        Assert.Equal(Sample.Options, read.Options);
        Assert.Equal(7, read.Descriptor);
        Assert.Equal(Sample.Program.Path.ToArray(), read.Program.Path.ToArray());
        Assert.Equal(Sample.Program.Arguments, read.Program.Arguments);
        Assert.Equal(Sample.Program.Environment, read.Program.Environment);
        Assert.Equal(Sample.Program.Limits, read.Program.Limits);
    }

    [Fact]
    public void What_is_cut_or_longer_is_none()
    {
        byte[] whole = Sample.ToBytes();
        Assert.All(Enumerable.Range(0, whole.Length), length => Assert.Null(JoinRequest.Read(whole.AsSpan(0, length))));
        Assert.Null(JoinRequest.Read([.. whole, 0]));
    }

    [Fact]
    public void Damage_is_refused_or_read_and_never_more()
    {
        byte[] whole = Sample.ToBytes();
        for (int seed = 0; seed < 20_000; seed++)
        {
            var random = new Random(seed);
            byte[] damaged = [.. whole];
            for (int i = random.Next(1, 4); i > 0; i--)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }

            JoinRequest? read = JoinRequest.Read(damaged);
            Assert.True(read is null || read.Program.Arguments.Count < whole.Length);
        }
    }

    [Fact]
    public void A_zero_in_a_text_is_refused() =>
        Assert.Null(JoinRequest.Read((Sample with { Program = Sample.Program with { Arguments = [[1, 0, 1]] } }).ToBytes()));
}
