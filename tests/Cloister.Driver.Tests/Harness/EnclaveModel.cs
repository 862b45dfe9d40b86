using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Uapi;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Harness;

/// <summary>
/// What one enclave with its program and thread must look like from outside, page by page, however its pages come and
/// go between EPC and backing store.
/// </summary>
internal sealed class EnclaveModel
{
    private const SecinfoFlags ReadWrite = SecinfoFlags.R | SecinfoFlags.W;

    private readonly TestMachine _machine;
    private readonly EnclaveImage _image;
    private readonly TestProgram _program;
    private readonly TestThread _thread;
    private readonly Dictionary<int, Page> _pages = [];
    private readonly List<TestProgram> _children = [];

    public EnclaveModel(TestMachine machine, EnclaveImage image)
    {
        _machine = machine;
        _image = image;
        _program = machine.Program;
        Enclave = machine.Build(image);
        _thread = machine.StartThread();
        for (int heap = 0; heap < image.HeapPages; heap++)
        {
            _pages[EnclaveImage.HeapPage + heap] = new Page(State.Regular, SecinfoFlags.R | SecinfoFlags.W, (byte)heap);
        }
    }

    private enum State
    {
        Absent,
        Pending,
        Regular,
        Trimming,
        Trimmed,
    }

    public SgxEnclave Enclave { get; }

    /// <summary>Writes from inside.</summary>
    public void Write(int page, byte value)
    {
        Enter();
        var before = Find(page);
        bool done = _thread.Write(_image.At(page), [value]);
        Assert.Equal(before.State == State.Regular && before.Permissions.HasFlag(SecinfoFlags.W), done);
        Set(page, done ? before with { Value = value } : Touched(before));
    }

    /// <summary>Reads from inside.</summary>
    public void Read(int page)
    {
        Enter();
        var before = Find(page);
        Span<byte> read = [0];
        bool done = _thread.Read(_image.At(page), read);
        Assert.Equal(before.State == State.Regular, done);
        if (done)
        {
            Assert.Equal(before.Value, read[0]);
        }

        Set(page, Touched(before));
    }

    /// <summary>EACCEPT of whatever the page waits for.</summary>
    public void Accept(int page)
    {
        Enter();
        var before = Find(page);
        var (flags, after) = before.State switch
        {
            State.Absent or State.Pending =>
                (SecinfoFlags.Reg | ReadWrite | SecinfoFlags.Pending, new Page(State.Regular, ReadWrite, 0)),
            State.Trimming => (SecinfoFlags.Trim | SecinfoFlags.Modified, before with { State = State.Trimmed }),
            State.Regular when before.Restricted =>
                (SecinfoFlags.Reg | before.Permissions | SecinfoFlags.Pr, before with { Restricted = false }),
            _ => (SecinfoFlags.None, before),
        };
        if (flags != SecinfoFlags.None)
        {
            Assert.Equal(SgxError.Success, _thread.Accept(_image.At(page), flags, _image.Data));
            Set(page, after);
        }
    }

    /// <summary>EMODPE back to R and W.</summary>
    public void Relax(int page)
    {
        Enter();
        var before = Find(page);
        if (before.State == State.Regular && !before.Restricted)
        {
            Assert.Equal(SgxError.Success, _thread.Extend(_image.At(page), ReadWrite, _image.Data));
            Set(page, before with { Permissions = ReadWrite });
        }
    }

    public void Restrict(int page, int count)
    {
        var parameters = new SgxEnclaveRestrictPermissions
        {
            Offset = (ulong)page * 4096,
            Length = (ulong)count * 4096,
            Permissions = (ulong)SecinfoFlags.R,
        };
        long result = _machine.Ioctl(Enclave, "ENCLAVE_RESTRICT_PERMISSIONS", ref parameters, pageBudget: 3);
        CheckRange(page, count, result, parameters.Count, before => before.State switch
        {
            State.Regular => DriverError.None,
            State.Absent or State.Pending => DriverError.EFAULT,
            _ => DriverError.EINVAL,
        }, before => before with { Permissions = SecinfoFlags.R, Restricted = true });
    }

    public void Trim(int page, int count)
    {
        var parameters = new SgxEnclaveModifyTypes
        {
            Offset = (ulong)page * 4096,
            Length = (ulong)count * 4096,
            PageType = (ulong)PageType.Trim,
        };
        long result = _machine.Ioctl(Enclave, "ENCLAVE_MODIFY_TYPES", ref parameters, pageBudget: 3);
        CheckRange(page, count, result, parameters.Count, before => before.State switch
        {
            State.Regular => DriverError.None,
            State.Absent or State.Pending => DriverError.EFAULT,
            _ => DriverError.EINVAL,
        }, before => before with { State = State.Trimming });
    }

    public void Remove(int page, int count)
    {
        var parameters = new SgxEnclaveRemovePages { Offset = (ulong)page * 4096, Length = (ulong)count * 4096 };
        long result = _machine.Ioctl(Enclave, "ENCLAVE_REMOVE_PAGES", ref parameters, pageBudget: 3);
        CheckRange(page, count, result, parameters.Count, before => before.State switch
        {
            State.Trimmed => DriverError.None,
            State.Absent => DriverError.EFAULT,
            _ => DriverError.EPERM,
        }, _ => default);
    }

    /// <summary>A long call whose thread is killed after some pages.</summary>
    public void AbandonTrim(int page, int count, int done)
    {
        var parameters = new SgxEnclaveModifyTypes
        {
            Offset = (ulong)page * 4096,
            Length = (ulong)count * 4096,
            PageType = (ulong)PageType.Trim,
        };
        ulong argument = _program.Allocate(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref parameters, 1)));
        using var operation = _machine.Driver.Ioctl(Enclave, TestMachine.Command("ENCLAVE_MODIFY_TYPES"), argument, _program);
        operation.Continue(done);
        for (int i = page; i < page + Math.Min(count, done) && Find(i).State == State.Regular; i++)
        {
            Set(i, Find(i) with { State = State.Trimming });
        }
    }

    /// <summary>An access from outside: the page comes, and shows nothing.</summary>
    public void TouchFromOutside(int page)
    {
        Assert.Equal(VmFault.NoPage, _program.Fault(_image.At(page), AccessKind.Read));
        _program.Walk(_image.At(page), AccessKind.Read);
        Set(page, Touched(Find(page)));
    }

    public void Fork()
    {
        var child = new TestProgram(_machine);
        _machine.Driver.AddressSpaceMapped(Enclave, child);
        _children.Add(child);
    }

    public void EndChildren()
    {
        _children.ForEach(_machine.Driver.AddressSpaceReleased);
        _children.Clear();
    }

    public void Exit()
    {
        if (_thread.Processor.EnclaveMode || _thread.Interrupted is not null)
        {
            _thread.Exit();
        }
    }

    /// <summary>The program is killed, the thread inside or not.</summary>
    public void Release()
    {
        _machine.Driver.Release(Enclave);
        _program.Forget(Enclave);
        _machine.Threads.Remove(_thread);
    }

    private static Page Touched(Page before) => before.State == State.Absent ? new Page(State.Pending, 0, 0) : before;

    private void Enter()
    {
        if (!_thread.Processor.EnclaveMode && _thread.Interrupted is null)
        {
            _thread.Enter(_image.Tcs);
        }
    }

    private Page Find(int page) => _pages.GetValueOrDefault(page);

    private void Set(int page, Page value) => _pages[page] = value;

    private void CheckRange(int first, int count, long result, ulong bytes, Func<Page, DriverError> expected, Func<Page, Page> after)
    {
        for (int page = first; page < first + count; page++)
        {
            var error = expected(Find(page));
            if (error != DriverError.None)
            {
                Assert.Equal(-(long)error, result);
                Assert.Equal((ulong)(page - first) * 4096, bytes);
                return;
            }

            Set(page, after(Find(page)));
        }

        Assert.Equal(0, result);
        Assert.Equal((ulong)count * 4096, bytes);
    }

    private readonly record struct Page(State State, SecinfoFlags Permissions, byte Value)
    {
        public bool Restricted { get; init; }
    }
}
