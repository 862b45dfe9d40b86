using Cloister.Architecture;
using Cloister.Driver.Pages;
using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.ByAddress;

/// <summary>
/// CREATE as asked for on 7 November 2018: "What do we gain by a single buffer vs. separate buffers?" It was never posted
/// as code.
/// </summary>
internal sealed class CreateSeparatelyBacked(IoctlCall call) : CreationInMapping<SgxEnclaveCreateSeparatelyBacked>(call)
{
    protected override ulong Source => Parameters.Src;

    protected override bool DiesOnReclaim => (Parameters.Contents | Parameters.Pcmd) == 0;

    protected override DriverError FindBacking(ulong size, ref IEnclaveBacking backing)
    {
        if (DiesOnReclaim)
        {
            return DriverError.None;
        }

        bool isValid = Parameters.Contents != 0
            && Parameters.Pcmd != 0
            && IsBuffer(Parameters.Contents, UserBacking.LengthOfContents(size), LinearAddress.PageSize)
            && IsBuffer(Parameters.Pcmd, UserBacking.LengthOfPcmds(size), Pcmd.SizeInBytes);
        if (!isValid)
        {
            return Refuse(DriverError.EINVAL, IoctlRule.BackingFits);
        }

        backing = new UserBacking(Caller.AddressSpace, new LinearAddress(Parameters.Contents), new LinearAddress(Parameters.Pcmd));
        return DriverError.None;
    }
}
