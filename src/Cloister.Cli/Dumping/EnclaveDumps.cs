using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Engine;
using Cloister.Engine.Observers;
using Cloister.Images;
using Cloister.Processor;

namespace Cloister.Cli.Dumping;

/// <summary>
/// Writes each enclave of a run to a folder while it is built, as an SGX stream with its SIGSTRUCT beside it: what was measured is known in
/// full only then. The files get their names at INIT. One that cannot be written is told of once, and the program goes on.
/// </summary>
internal sealed class EnclaveDumps : IMachineObserver, IDriverObserver, IEngineObserver, IDisposable
{
    private readonly Tracer _tracer;
    private readonly SgxMachine _machine;
    private readonly IMachineObserver _next;
    private readonly string _folder;
    private readonly Action<string> _line;
    private readonly Dictionary<ulong, Growing> _growing = []; // by SECS.EID
    private readonly Dictionary<IoctlOperation, IOpenEnclave> _ioctls = [];

    /// <summary>Begins to listen to a machine that runs nothing yet.</summary>
    /// <param name="tracer">The run.</param>
    /// <param name="folder">Where the files go.</param>
    /// <param name="line">Says what could not be written.</param>
    public EnclaveDumps(Tracer tracer, string folder, Action<string> line)
    {
        (_tracer, _machine, _next, _folder, _line) = (tracer, tracer.Machine, tracer.Machine.Observer, folder, line);
        _machine.Observer = this;
    }

    /// <summary>Makes the folder, if it is not there, and sees whether files can be made in it.</summary>
    /// <returns>What is wrong, or null.</returns>
    public static string? Problem(string folder)
    {
        try
        {
            OutputFile.Writing(folder, () => Directory.CreateDirectory(folder));
            using var trial = WholeFile.Begin(Path.Combine(folder, "enclave-1.sgxs"), WholeFile.Public);
            return null;
        }
        catch (ImageException unwritable)
        {
            return unwritable.Message;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Growing one in _growing.Values)
        {
            one.Dispose();
        }

        _growing.Clear();
    }

    public void EnclsExecuted(EnclsLeaf leaf, EpcPage page, LinearAddress address, LeafResult result)
    {
        _next.EnclsExecuted(leaf, page, address, result);
        if (!result.IsSuccess)
        {
            return;
        }

        if (leaf == EnclsLeaf.Ecreate)
        {
            Forget();
            Secs secs = MemoryMarshal.Read<Secs>(_machine.Memory[page]);
            Begin(_machine.EidOf(page), in secs);
        }
        else if (leaf == EnclsLeaf.Eadd && Of(page) is { } growing)
        {
            ReadOnlySpan<byte> contents = _machine.Memory.Contents(page);
            SecinfoFlags flags = _machine.Epcm[page].SecinfoFlags;
            try
            {
                growing.Stream.Add(address - growing.Base, flags, contents);
            }
            catch (IOException unwritable)
            {
                growing.Fail(unwritable);
            }
        }
    }

    public void Measured(EpcPage page, LinearAddress address, int length)
    {
        _next.Measured(page, address, length);
        if (Of(page) is { } growing)
        {
            try
            {
                growing.IsStrange |= !growing.Stream.Measure(address - growing.Base, length);
            }
            catch (IOException unwritable)
            {
                growing.Fail(unwritable);
            }
        }
    }

    public void EncluExecuted(EncluLeaf leaf, LogicalProcessor processor, LinearAddress address, LeafResult result) =>
        _next.EncluExecuted(leaf, processor, address, result);

    public void AexTaken(LogicalProcessor processor, ExceptionVector? vector, uint errorCode, LinearAddress address) =>
        _next.AexTaken(processor, vector, errorCode, address);

    public void EnclaveRefused(EnclsLeaf leaf, EpcPage secs, ReadOnlySpan<byte> sigstruct, string field, string expected, string found) =>
        _next.EnclaveRefused(leaf, secs, sigstruct, field, expected, found);

    public void KeyRequested(in Keyrequest request, LeafResult result) => _next.KeyRequested(in request, result);

    public void IoctlBegan(IoctlOperation operation, string? name, uint command, ulong argument, IOpenEnclave? enclave)
    {
        if (enclave is { IsInitialized: false })
        {
            _ioctls[operation] = enclave;
        }
    }

    public void IoctlEnded(IoctlOperation operation)
    {
        if (_ioctls.Remove(operation, out IOpenEnclave? enclave) && enclave.IsInitialized
            && _growing.Remove(enclave.Eid, out Growing? growing))
        {
            using (growing)
            {
                Keep(enclave, growing);
            }
        }
    }

    private Growing? Of(EpcPage page) => _growing.Count == 0 ? null
        : _growing.GetValueOrDefault(_machine.EidOf(_machine.Epcm[page].EnclaveSecs)) is { HasFailed: false } growing ? growing : null;

    private void Begin(ulong enclave, in Secs secs)
    {
        try
        {
            _growing[enclave] = new Growing(Path.Combine(_folder, $"enclave-{enclave}.sgxs"), in secs);
        }
        catch (Exception e) when (e is ImageException or IOException)
        {
            Say(enclave, e.Message);
        }
    }

    // Those that were given up while they were built.
    private void Forget()
    {
        HashSet<ulong> living = [.. _tracer.Driver.Enclaves.Where(one => !one.IsReleased).Select(one => one.Eid)];
        foreach (ulong gone in _growing.Keys.Where(one => !living.Contains(one)).ToArray())
        {
            _growing.Remove(gone, out Growing? growing);
            growing!.Dispose();
        }
    }

    private void Keep(IOpenEnclave enclave, Growing growing)
    {
        try
        {
            growing.Keep(enclave);
        }
        catch (ImageException unwritable)
        {
            Say(enclave.Eid, unwritable.Message);
        }
    }

    private void Say(ulong enclave, string problem) => _line($"dump: enclave {enclave} is not written: {problem}");

    /// <summary>An enclave that is being built.</summary>
    private sealed class Growing : IDisposable
    {
        private readonly string _path;
        private readonly WholeFile _file;
        private string? _problem;

        public Growing(string path, in Secs secs)
        {
            (_path, Base) = (path, new LinearAddress(secs.BaseAddr));
            _file = WholeFile.Begin(path, WholeFile.Public);
            Stream = new SgxsWriter(_file.Stream, secs.Size, secs.SsaFrameSize);
        }

        public LinearAddress Base { get; }

        public SgxsWriter Stream { get; }

        /// <summary>Whether it was measured in an order that a stream cannot have.</summary>
        public bool IsStrange { get; set; }

        public bool HasFailed => _problem is not null;

        public void Fail(Exception exception) => _problem = $"{_path}: cannot be written: {FileProblem.Of(_path, exception)}";

        /// <summary>Gives the files their names, the signature first: with the stream all of it is there.</summary>
        public void Keep(IOpenEnclave enclave)
        {
            if (_problem is not null)
            {
                throw new ImageException(_problem);
            }

            byte[]? measured = null;
            OutputFile.Writing(_path, () => measured = Stream.End());
            if (IsStrange || !enclave.Identity.Enclave.Span.SequenceEqual(measured))
            {
                throw new ImageException("it was not measured page by page, which an SGX stream cannot say");
            }

            string signature = Path.ChangeExtension(_path, ".sig");
            using var sigstruct = WholeFile.Begin(signature, WholeFile.Public);
            OutputFile.Writing(signature, () => sigstruct.Stream.Write(enclave.Sigstruct.Span));
            sigstruct.Keep(replaces: false);
            try
            {
                _file.Keep(replaces: false);
            }
            catch (ImageException)
            {
                _ = Linux.HostFile.Unlink(signature);
                throw;
            }
        }

        public void Dispose()
        {
            Stream.Dispose();
            _file.Dispose();
        }
    }
}
