using Cloister.Cli.Joining;

namespace Cloister.Cli.Tests.Joining;

public class MachineWordsTests
{
    [Theory]
    [InlineData("--epc 8M -- --epc 9M", "--epc=8M")]
    [InlineData("--epc=8M --no-sgx2 program --seed x", "--epc=8M --no-sgx2")]
    [InlineData("--machine m -q -o /dev/null --stats --seed x program", "--stats --seed=x")]
    [InlineData("", "")]
    public void What_shapes_the_machine_is_told_in_one_way(string words, string expected) =>
        Assert.Equal(expected, string.Join(' ', MachineWords.Of(words.Split(' ', StringSplitOptions.RemoveEmptyEntries))));
}
