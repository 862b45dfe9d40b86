using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Driver.Uapi;
using Cloister.Processor;

namespace Cloister.Driver.Tests.Harness;

/// <summary>A machine with one of the interfaces that find an enclave by address, and a mapping of the device.</summary>
internal sealed class LegacyMachine
{
    public const Protection All = Protection.Read | Protection.Write | Protection.Execute;

    public LegacyMachine(Generation generation, int epcPages = 256, bool sgx2 = true, EnclaveImage? image = null)
    {
        // Without launch control by the driver the machine itself must know the signer.
        Machine = new TestMachine(
            epcPages,
            new MachineOptions { Sgx2 = sgx2, LaunchControlHash = Signer.Instance.Mrsigner },
            new DriverOptions { Generation = generation });
        Generation = generation;
        Image = image ?? new EnclaveImage();
        File = Machine.Open();
        Assert.Equal(0, Machine.Program.Map(File, Image.At(0), Image.Size, All));
    }

    public Generation Generation { get; }

    public TestMachine Machine { get; }

    public EnclaveImage Image { get; }

    /// <summary>The open file with the mapping.</summary>
    public SgxEnclave File { get; }

    public TestProgram Program => Machine.Program;

    public long Ioctl<T>(string name, T parameters, int pageBudget = int.MaxValue)
        where T : unmanaged => Machine.Ioctl(File, name, ref parameters, pageBudget);

    public ulong Allocate<T>(T structure)
        where T : unmanaged => Program.Allocate(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref structure, 1)));

    public long Create(byte[]? secs = null) =>
        Ioctl("ENCLAVE_CREATE", new SgxEnclaveCreate { Src = Program.Allocate(secs ?? Image.Secs()) });

    public long Add(int page, SecinfoFlags flags, byte[] contents, ushort mask = ushort.MaxValue) =>
        Ioctl("ENCLAVE_ADD_PAGE", new SgxEnclaveAddPage
        {
            Addr = Image.At(page).Value,
            Src = Program.Allocate(contents),
            Secinfo = Allocate(new Secinfo(flags)),
            Mrmask = mask,
        });

    public long Initialize(byte[]? sigstruct = null, int pageBudget = int.MaxValue)
    {
        ulong address = Program.Allocate(sigstruct ?? Image.Sigstruct());
        return Generation == Generation.Isgx
            ? Ioctl(
                "ENCLAVE_INIT",
                new SgxEnclaveInitWithToken { Addr = Image.Base, Sigstruct = address, Einittoken = Allocate(default(Einittoken)) },
                pageBudget)
            : Ioctl("ENCLAVE_INIT", new SgxEnclaveInitByAddress { Addr = Image.Base, Sigstruct = address }, pageBudget);
    }

    /// <summary>CREATE and every ADD_PAGE.</summary>
    public void Fill()
    {
        if (Generation == Generation.RfcEnclu)
        {
            Assert.Equal(0, Ioctl("ENCLU_REGISTER", new SgxEncluRegister { Enclu = 0x1000, Handler = 0x2000 }));
        }

        Assert.Equal(0, Create());
        foreach (var (page, flags, contents) in Image.Pages())
        {
            Assert.Equal(0, Add(page, flags, contents));
        }
    }

    /// <summary>Everything up to EINIT.</summary>
    public LegacyMachine Build()
    {
        Fill();
        Assert.Equal(0, Initialize());
        return this;
    }

    public TestThread Enter()
    {
        var thread = Machine.StartThread();
        thread.Enter(Image.Tcs);
        return thread;
    }
}
