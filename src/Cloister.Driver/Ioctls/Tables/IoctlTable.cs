using System.Text;

namespace Cloister.Driver.Ioctls.Tables;

/// <summary>Every ioctl of every generation, as data: what is in here is what there is.</summary>
public static class IoctlTable
{
    /// <summary>The rows, by generation and number.</summary>
    public static IReadOnlyList<IoctlRow> Rows { get; } =
    [
        .. IsgxTable.Rows,
        .. V16Table.Rows,
        .. RfcEncluTable.Rows,
        .. V5_11Table.Rows,
        .. EdmmV1Table.Rows,
        .. EdmmV2Table.Rows,
        .. EdmmAugmentTable.Rows,
        .. EdmmV3Table.Rows,
        .. V6_0Table.Rows,
    ];

    /// <summary>The row of a command, or null: another generation's numbers are strange here.</summary>
    /// <param name="generation">The interface in force.</param>
    /// <param name="device">The device the file is open on.</param>
    /// <param name="command">The command number.</param>
    public static IoctlRow? Find(Generation generation, IoctlDevice device, uint command)
    {
        foreach (var row in Rows)
        {
            if (row.Command == command && row.Device == device && row.Generation == generation)
            {
                return row;
            }
        }

        return null;
    }

    /// <summary>The table in Markdown, for the support page of the documentation.</summary>
    public static string RenderMarkdown()
    {
        var text = new StringBuilder();
        text.Append("| generation | ioctl | nr | structure | bytes | command | class | source |\n");
        text.Append("|---|---|---|---|---|---|---|---|\n");
        foreach (var row in Rows)
        {
            text.Append($"| {row.Generation.Name()} | {row.Name} | {row.Number} | {row.Structure?.Name ?? "none"} ");
            text.Append($"| {row.Size} | 0x{row.Command:x8} | {row.Class.Name} | {row.Citation} |\n");
        }

        return text.ToString();
    }
}
