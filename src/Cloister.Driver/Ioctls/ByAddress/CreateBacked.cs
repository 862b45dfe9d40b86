using Cloister.Architecture;
using Cloister.Driver.Pages;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>
/// CREATE as proposed on 7 November 2018: "a single buffer that can hold both PCMD entries and swapped pages [...] I would
/// add that as a field to struct sgx_enclave_create. If we want the kill-behavior, you could signal that with a NULL
/// value." It was never posted as code: the layout is the driver's own backing file's of the time, pages first.
/// </summary>
internal sealed class CreateBacked(IoctlCall call) : CreationInMapping<SgxEnclaveCreateBacked>(call)
{
    protected override ulong Source => Parameters.Src;

    protected override bool DiesOnReclaim => Parameters.Backing == 0;

    protected override DriverError FindBacking(ulong size, ref IEnclaveBacking backing)
    {
        if (DiesOnReclaim)
        {
            return DriverError.None;
        }

        ulong pcmds = UserBacking.LengthOfContents(size);
        if (!IsBuffer(Parameters.Backing, pcmds + UserBacking.LengthOfPcmds(size), LinearAddress.PageSize))
        {
            return Refuse(DriverError.EINVAL, IoctlRule.BackingFits);
        }

        var contents = new LinearAddress(Parameters.Backing);
        backing = new UserBacking(Caller.AddressSpace, contents, contents + pcmds);
        return DriverError.None;
    }
}
