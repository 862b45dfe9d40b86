using System.Globalization;
using Cloister.Engine.Options;
using Cloister.Linux;

namespace Cloister.Engine.Devices;

/// <summary>As whom a thread opens files.</summary>
/// <param name="User">User id.</param>
/// <param name="Group">Group id.</param>
/// <param name="Groups">Supplementary groups.</param>
/// <param name="Capabilities">Capability bits that count.</param>
internal sealed record Credentials(uint User, uint Group, IReadOnlyList<uint> Groups, ulong Capabilities)
{
    /// <summary>R_OK and W_OK of access(2), and the bits of a mode.</summary>
    public const uint Read = 4, Write = 2;

    private const int DacOverride = 1, DacReadSearch = 2; // linux/capability.h

    /// <summary>A thread's credentials, from /proc.</summary>
    /// <param name="thread">The thread.</param>
    /// <param name="real">By its real ids, as access(2) asks; otherwise by those for files.</param>
    public static Credentials Of(int thread, bool real) => Parse(name => HostKernel.StatusField(thread, name) ?? "", real);

    /// <summary>Reads the fields of /proc/PID/status.</summary>
    public static Credentials Parse(Func<string, string> field, bool real)
    {
        // "Uid:" and "Gid:" have the real, effective, saved and file-system id. proc_pid_status(5).
        int column = real ? 0 : 3;
        uint user = Numbers(field("Uid:")).ElementAtOrDefault(column);

        // access_override_creds: without SECURE_NO_SETUID_FIXUP the capabilities are all that a real root may have, or none.
        string name = !real ? "CapEff:" : user == 0 ? "CapPrm:" : "";
        ulong capabilities = name.Length != 0 && ulong.TryParse(field(name), NumberStyles.HexNumber, CultureInfo.InvariantCulture,
            out ulong bits) ? bits : 0;
        return new Credentials(user, Numbers(field("Gid:")).ElementAtOrDefault(column), Numbers(field("Groups:")), capabilities);
    }

    /// <summary>Whether a file of such access may be opened (fs/namei.c, generic_permission).</summary>
    /// <param name="access">Owner, group and mode.</param>
    /// <param name="wanted"><see cref="Read"/> and <see cref="Write"/>.</param>
    public bool MayOpen(DeviceAccess access, uint wanted)
    {
        // The owner's bits, or the group's, or the others': the first that fits decides, were it to refuse.
        int shift = User == access.Owner ? 6 : Group == access.Group || Groups.Contains(access.Group) ? 3 : 0;
        return (wanted & ~(access.Mode >> shift)) == 0 || Has(DacOverride) || ((wanted & Write) == 0 && Has(DacReadSearch));
    }

    private bool Has(int capability) => (Capabilities >> capability & 1) != 0;

    private static uint[] Numbers(string text) =>
        [.. text.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries)
        .Select(number => uint.Parse(number, CultureInfo.InvariantCulture))];
}
