using System.Text;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine.SystemCalls;

/// <summary>add_key of the type "enclave_execdirty", which the kernel below does not know. Other types are its own.</summary>
internal sealed class ExecuteDirtyKeys(Driver.ISgxDriver driver)
{
    private const ulong MostPayload = 32767;
    private long _serial = 0x2e000000;

    /// <summary>add_key(type, description, payload, length, keyring).</summary>
    public Answer Add(TracedThread thread)
    {
        ref readonly UserRegisters r = ref thread.Peek();
        if (thread.Space.Memory.TryReadString(r.Rdi) != "enclave_execdirty")
        {
            return Answer.Pass;
        }

        return Answer.Made(Add(thread, r.Rdx, r.R10));
    }

    private long Add(TracedThread thread, ulong payload, ulong length)
    {
        // security/keys/keyctl.c, add_key: a payload that is too long is EINVAL, one that cannot be read EFAULT.
        if (length > MostPayload)
        {
            return -(long)Errno.EINVAL;
        }

        byte[] bytes = new byte[length];
        if (!thread.Space.Memory.TryRead(payload, bytes))
        {
            return -(long)Errno.EFAULT;
        }

        Driver.DriverError error = driver.Legacy?.AddExecuteDirtyKey(Encoding.ASCII.GetString(bytes)) ?? Driver.DriverError.ENODEV;
        return error == Driver.DriverError.None ? ++_serial : -(long)error;
    }
}
