using Cloister.Architecture;

namespace Cloister.Driver;

/// <content>What the discussions of March 2022 add: pages before they are touched, and who may execute them.</content>
public sealed partial class SgxDriver
{
    /// <summary>Whether the key "enclave_execdirty" can be added.</summary>
    public bool HasExecuteDirtyKey => State.Rules.HasExecuteDirtyKey;

    /// <summary>Whether MAP_POPULATE and MADV_WILLNEED add pages.</summary>
    public bool Populates => State.Rules.Populates;

    /// <summary>add_key("enclave_execdirty", ...): adds enclaves to those that may execute pages added at run time.</summary>
    /// <param name="text">As for <see cref="ExecuteDirtyPolicy.Add"/>.</param>
    /// <returns>ENODEV where there is no such key, EINVAL for a text that is not understood, or none.</returns>
    public DriverError AddExecuteDirtyKey(string text)
    {
        if (!HasExecuteDirtyKey)
        {
            return DriverError.ENODEV;
        }

        var policy = State.Policy ?? new ExecuteDirtyPolicy();
        if (policy.Add(text) != 0)
        {
            return DriverError.EINVAL;
        }

        State.Policy = policy;
        return DriverError.None;
    }

    /// <summary>
    /// MAP_POPULATE or MADV_WILLNEED on a mapping of an initialised enclave: pages are added by EAUG and installed until
    /// the EPC is full. In the generations without it nothing happens.
    /// </summary>
    /// <param name="enclave">The open file that is mapped there.</param>
    /// <param name="addressSpace">Where it is mapped.</param>
    /// <param name="start">First address, page aligned.</param>
    /// <param name="end">The address behind the last.</param>
    /// <param name="mapping">The protections of the mapping.</param>
    /// <returns>What ended it: none, EINVAL before EINIT, EBUSY when there is no room, EFAULT.</returns>
    public DriverError Populate(SgxEnclave enclave, IAddressSpace addressSpace, LinearAddress start, LinearAddress end, Protection mapping)
    {
        State.ThrowIfStrange(enclave);
        ArgumentNullException.ThrowIfNull(addressSpace);
        if (!Populates)
        {
            return DriverError.None;
        }

        return enclave.IsInitialized ? _enclaveFault.Populate(enclave, addressSpace, start, end, mapping) : DriverError.EINVAL;
    }
}
