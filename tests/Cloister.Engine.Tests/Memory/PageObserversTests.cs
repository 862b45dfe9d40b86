using Cloister.Engine.Memory;
using Cloister.Engine.Tests.Harness;

namespace Cloister.Engine.Tests.Memory;

public sealed class PageObserversTests : IDisposable
{
    private readonly EnclaveFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void All_hear_of_everything_in_the_order_in_which_they_came()
    {
        EnclaveFile file = _files.Open();
        var heard = new List<string>();
        var all = new PageObservers();
        all.Add(new Listener("first", file, heard));
        all.Add(new Listener("second", file, heard));

        all.Filled(file, 0x1000);
        all.Changed(file, 0x2000);
        all.Releasing(file);

        Assert.Equal(["first filled 1000", "second filled 1000", "first changed 2000", "second changed 2000", "first releasing",
            "second releasing"], heard);
    }

    private sealed class Listener(string name, EnclaveFile expected, List<string> heard) : IPageObserver
    {
        public void Filled(EnclaveFile file, ulong address) => Hear(file, $"filled {address:x}");

        public void Changed(EnclaveFile file, ulong offset) => Hear(file, $"changed {offset:x}");

        public void Releasing(EnclaveFile file) => Hear(file, "releasing");

        private void Hear(EnclaveFile file, string what)
        {
            Assert.Same(expected, file);
            heard.Add($"{name} {what}");
        }
    }
}
