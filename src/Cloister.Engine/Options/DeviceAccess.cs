namespace Cloister.Engine.Options;

/// <summary>Who may open a device node.</summary>
/// <param name="Owner">User id.</param>
/// <param name="Group">Group id.</param>
/// <param name="Mode">Permission bits, 0 to 0777 (octal).</param>
public readonly record struct DeviceAccess(uint Owner, uint Group, uint Mode)
{
    /// <summary>Root's, and open to all: no set-up is needed.</summary>
    public static DeviceAccess All { get; } = new(0, 0, 0x1b6);
}
