using System.Text;
using Cloister.Architecture;
using Cloister.Host;
using Cloister.Testing;

namespace TestingSample;

public class GreeterTests
{
    [RequiresSgx]
    public void It_greets()
    {
        using Enclave enclave = Greeter.Build();
        byte[] output = new byte[64];
        EnclaveAnswer answer = enclave.Call(entry: 0, Encoding.UTF8.GetBytes("enclave"), output);
        Assert.Equal("hello, enclave", Encoding.UTF8.GetString(output, 0, answer.Length));
    }

    [RequiresSgxTheory]
    [InlineData(1)]
    [InlineData(50)]
    public void It_greets_names_of_any_length(int length)
    {
        using Enclave enclave = Greeter.Build();
        byte[] output = new byte[64];
        Assert.Equal(length + 7, enclave.Call(entry: 0, new byte[length], output).Length);
    }

    [RequiresSgx]
    public void It_faults_where_there_is_no_room()
    {
        using Enclave enclave = Greeter.Build();
        EnclaveFaultException e = Assert.Throws<EnclaveFaultException>(() => enclave.Call(entry: 0, new byte[64], new byte[64]));
        Assert.Equal(ExceptionVector.InvalidOpcode, e.Fault.Vector);
    }
}
