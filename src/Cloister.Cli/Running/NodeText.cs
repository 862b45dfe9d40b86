using System.Globalization;
using Cloister.Engine.Options;

namespace Cloister.Cli.Running;

/// <summary>Reads the value of <c>--nodes</c>: <c>NODE=OWNER:GROUP:MODE</c>, several with commas.</summary>
internal static class NodeText
{
    private const uint ModeMask = 0x1ff;

    /// <summary>Reads it.</summary>
    /// <param name="text">The value.</param>
    /// <param name="before">What it does not speak of stays as it is here.</param>
    /// <param name="problem">What is wrong with it, or null.</param>
    public static DeviceNodeOptions Read(string text, DeviceNodeOptions before, out string? problem)
    {
        problem = null;
        DeviceNodeOptions options = before;
        foreach (string part in text.Split(','))
        {
            if (part.Split('=') is not [var node, var access] || access.Split(':') is not [var owner, var group, var mode])
            {
                problem = $"--nodes {part}: write NODE=OWNER:GROUP:MODE, as in enclave=root:sgx:0660";
                return before;
            }

            if (Id("/etc/passwd", owner) is not { } ownerId)
            {
                problem = $"--nodes {part}: there is no user {owner} in /etc/passwd; a number will do";
                return before;
            }

            if (Id("/etc/group", group) is not { } groupId)
            {
                problem = $"--nodes {part}: there is no group {group} in /etc/group; a number will do";
                return before;
            }

            if (Mode(mode) is not { } bits)
            {
                problem = $"--nodes {part}: {mode} is not a mode; write octal digits, as in 0660";
                return before;
            }

            var value = new DeviceAccess(ownerId, groupId, bits);
            switch (node)
            {
                case "enclave": options = options with { Enclave = value }; break;
                case "provision": options = options with { Provision = value }; break;
                case "vepc": options = options with { VirtualEpc = value }; break;
                default:
                    problem = $"--nodes {part}: there is no node {node}; there is enclave, provision and vepc";
                    return before;
            }
        }

        return options;
    }

    private static uint? Mode(string text)
    {
        uint mode = 0;
        foreach (char digit in text)
        {
            if (digit is < '0' or > '7' || mode > ModeMask)
            {
                return null;
            }

            mode = (mode << 3) | (uint)(digit - '0');
        }

        return text.Length == 0 || mode > ModeMask ? null : mode;
    }

    // Both files have the name first and the number third. passwd(5), group(5).
    private static uint? Id(string file, string name)
    {
        if (uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out uint number))
        {
            return number;
        }

        try
        {
            foreach (string line in File.ReadLines(file))
            {
                if (line.Split(':') is [var found, _, var id, ..] && found == name
                    && uint.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out number))
                {
                    return number;
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Then there is nobody.
        }

        return null;
    }
}
