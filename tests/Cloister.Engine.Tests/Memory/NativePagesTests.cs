using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine.Memory;
using Cloister.Engine.Platforms;
using Cloister.Engine.Tests.Harness;
using Cloister.Linux;
using Cloister.Processor.Encls;

namespace Cloister.Engine.Tests.Memory;

/// <summary>
/// <see cref="NativePages"/> and <see cref="ExecutablePages"/>, by mprotect: what model and mapping allow together is what a process gets.
/// </summary>
public sealed class NativePagesTests : IDisposable
{
    private const ulong Place = 0x7000_0000_0000;
    private const int All = MemoryProtection.Read | MemoryProtection.Write | MemoryProtection.Execute;
    private readonly OwnThread _own = new(8);
    private readonly EnclaveFiles _files = new();

    public NativePagesTests()
    {
        // An enclave, so that its pages are in the EPCM.
        var secs = new Secs
        {
            Size = 0x10000,
            BaseAddr = Place,
            SsaFrameSize = 1,
            Attributes = new Attributes { Flags = AttributeFlags.Mode64Bit, Xfrm = 3 },
        };
        Assert.True(Ecreate.Execute(_own.Machine, MemoryMarshal.AsBytes(new ReadOnlySpan<Secs>(in secs)), new Secinfo(PageType.Secs, 0),
            new EpcPage(0)).IsSuccess);
        Native.ByProtection = true;
        EnclaveFile file = _files.Open();
        _own.Space.Mappings.Add(new EnclaveMapping(Place, Place + 0x10000, All, file));
        file.NoteMapped(_own.Space);
    }

    public void Dispose()
    {
        _own.Dispose();
        _files.Dispose();
    }

    private NativePages Native => _own.Space.Native;

    [Fact]
    public void A_page_is_there_as_entry_and_EPCM_allow_together()
    {
        Insert(0, Protection.Read | Protection.Write, read: true, write: false);
        Insert(1, Protection.Read | Protection.Write, read: true, write: true);
        Insert(2, Protection.Read, read: true, write: true);
        Insert(3, Protection.Read | Protection.Write, read: false, write: false);

        Assert.Equal([NativeAccess.Read, NativeAccess.ReadWrite, NativeAccess.Read, NativeAccess.None], Enumerable.Range(0, 4)
            .Select(page => Entry(page).Native));
        Assert.Equal([(0, 1, 1), (1, 1, 3), (2, 1, 1)], Calls());
        Assert.False(Native.NeedsRemoteCall);
    }

    [Fact]
    public void What_a_page_loses_it_loses_at_the_next_call()
    {
        Insert(0, Protection.Read | Protection.Write, read: true, write: true);
        _ = Calls();
        Assert.True(Eblock.Execute(_own.Machine, new EpcPage(1)).IsSuccess);
        Assert.False(Native.NeedsRemoteCall);
        Native.Refresh(_own.Space.Mappings.All[0].File, Place, 1);
        Assert.True(Native.NeedsRemoteCall);
        Assert.Equal([(0, 1, 0)], Calls());
        Assert.Equal(NativeAccess.None, Entry(0).Native);

        Insert(1, Protection.Read, read: true, write: false);
        _ = Calls();
        _own.Space.Zap(new LinearAddress(At(1)), 4096);
        Assert.Equal([(1, 1, 0)], Calls());
    }

    [Fact]
    public void Pages_in_a_row_that_change_alike_take_one_call()
    {
        for (int page = 0; page < 4; page++)
        {
            Insert(page, Protection.Read, read: page != 2, write: false);
        }

        Assert.Equal([(0, 2, 1), (3, 1, 1)], Calls());
    }

    [Fact]
    public void A_page_that_may_not_be_executed_any_more_is_known_to_have_lost_it()
    {
        Insert(0, Protection.Read | Protection.Execute, read: true, write: false, execute: true);
        Native.Executable.Set(Place, true);
        Native.Refresh(Place);
        Assert.Empty(Native.Executable.Lost);
        Assert.True(Eblock.Execute(_own.Machine, new EpcPage(1)).IsSuccess);
        Native.Refresh(Place);

        Assert.Equal([Place], Native.Executable.Lost);
        Assert.True(Native.NeedsRemoteCall);
    }

    [Fact]
    public void What_can_be_executed_is_told_in_runs_and_copied_and_forgotten()
    {
        foreach (int page in (int[])[5, 1, 2, 3, 7])
        {
            Native.Executable.Set(At(page), true);
        }

        using var child = new OwnThread();
        child.Space.Native.Executable.Copy(Native.Executable);
        Native.Executable.Set(At(2), false);
        Assert.Equal([(At(1), At(2)), (At(3), At(4)), (At(5), At(6)), (At(7), At(8))], Native.Executable.Runs());
        Native.Executable.Forget(At(3), At(5));
        Assert.Equal([(At(1), At(2)), (At(5), At(6)), (At(7), At(8))], Native.Executable.Runs());

        Assert.Equal([(At(1), At(4)), (At(5), At(6)), (At(7), At(8))], child.Space.Native.Executable.Runs());
        Assert.True(child.Space.Pages.Peek(At(5)).Executable);
        child.Space.Native.Executable.Clear();
        Assert.Empty(child.Space.Native.Executable.Runs());
        Assert.False(child.Space.Pages.Peek(At(5)).Executable);
    }

    [Fact]
    public void A_page_whose_memory_went_is_made_anew()
    {
        Insert(0, Protection.Read, read: true, write: false);
        _ = Calls();
        Native.NotePunched(_own.Space.Mappings.All[0].File, Place);

        Assert.True(Native.NeedsRemoteCall);
        Assert.Equal([(0, 1, 0)], Calls());
    }

    private static ulong At(int page) => Place + (ulong)page * 4096;

    private PageTableEntry Entry(int page) => _own.Space.Pages.Peek(At(page));

    private void Insert(int page, Protection entry, bool read, bool write, bool execute = false)
    {
        SecinfoFlags allowed = SecinfoFlags.Reg | (read ? SecinfoFlags.R : 0) | (write ? SecinfoFlags.W : 0)
            | (execute ? SecinfoFlags.X : 0);
        var epc = new EpcPage(page + 1);
        Assert.True(
            Eadd.Execute(_own.Machine, new EpcPage(0), new LinearAddress(At(page)), new Secinfo(allowed), new byte[4096], epc).IsSuccess);
        _own.Space.InsertPage(new LinearAddress(At(page)), epc, entry);
    }

    private List<(int Page, int Pages, int Protection)> Calls()
    {
        var calls = new RemoteCalls();
        Native.AddProtectionCalls(calls, all: false);
        return [.. calls.All.Select(
            call => ((int)(call.Arguments[0] - Place) / 4096, (int)call.Arguments[1] / 4096, (int)call.Arguments[2]))];
    }
}
