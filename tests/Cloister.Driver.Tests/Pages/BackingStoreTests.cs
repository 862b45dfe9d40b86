using Cloister.Driver.Pages;

namespace Cloister.Driver.Tests.Pages;

public class BackingStoreTests
{
    [Fact]
    public void Blocks_do_not_overlap()
    {
        var store = new BackingStore();
        var handles = Enumerable.Range(0, 200).Select(_ => store.Rent()).ToArray();
        Assert.Equal(200, handles.Distinct().Count());
        for (int i = 0; i < handles.Length; i++)
        {
            store.Contents(handles[i]).Fill((byte)i);
            store.Pcmd(handles[i]).Fill((byte)~i);
        }

        for (int i = 0; i < handles.Length; i++)
        {
            Assert.Equal(4096, store.Contents(handles[i]).Length);
            Assert.Equal(128, store.Pcmd(handles[i]).Length);
            Assert.False(store.Contents(handles[i]).ContainsAnyExcept((byte)i));
            Assert.False(store.Pcmd(handles[i]).ContainsAnyExcept((byte)~i));
        }
    }

    [Fact]
    public void Blocks_are_used_again_and_counted()
    {
        var store = new BackingStore();
        int kept = store.Rent();
        int handle = store.Rent();
        store.Return(handle);
        Assert.Equal(handle, store.Rent());
        Assert.Equal(2, store.Count);
        store.Return(handle);
        store.Return(kept);
        Assert.Equal(0, store.Count);
        store.Rent();
        Assert.Equal(1, store.Count);
    }
}
