using Cloister.Driver.Uapi;

namespace Cloister.Driver.Ioctls.Tables;

/// <summary>Which device a file is open on.</summary>
public enum IoctlDevice
{
    /// <summary>/dev/sgx_enclave.</summary>
    Enclave,

    /// <summary>/dev/sgx_vepc.</summary>
    VirtualEpc,
}

/// <summary>One ioctl of one generation.</summary>
public sealed class IoctlRow
{
    private readonly Func<IoctlCall, IoctlOperation> _create;

    internal IoctlRow(
        Generation generation,
        IoctlDevice device,
        string name,
        byte number,
        IoctlDirection direction,
        Type? structure,
        int size,
        Type implementation,
        Func<IoctlCall, IoctlOperation> create,
        string citation)
    {
        Generation = generation;
        Device = device;
        Name = name;
        Number = number;
        Direction = direction;
        Structure = structure;
        Size = size;
        Class = implementation;
        Citation = citation;
        Command = IoctlNumber.Encode(direction, number, size);
        _create = create;
    }

    /// <summary>The interface it belongs to.</summary>
    public Generation Generation { get; }

    /// <summary>The device it is for.</summary>
    public IoctlDevice Device { get; }

    /// <summary>The name in the uapi header.</summary>
    public string Name { get; }

    /// <summary>_IOC_NR.</summary>
    public byte Number { get; }

    /// <summary>_IOC_DIR.</summary>
    public IoctlDirection Direction { get; }

    /// <summary>The structure the argument points to, or null.</summary>
    public Type? Structure { get; }

    /// <summary>_IOC_SIZE, bytes.</summary>
    public int Size { get; }

    /// <summary>The command number.</summary>
    public uint Command { get; }

    /// <summary>The class that does it.</summary>
    public Type Class { get; }

    /// <summary>Where the rules come from.</summary>
    public string Citation { get; }

    internal IoctlOperation Create(IoctlCall call) => _create(call);
}
