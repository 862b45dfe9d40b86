using System.Globalization;
using System.Security;
using System.Text;

namespace Cloister.Lab.Reports;

/// <summary>Writes SVG 1.1: rectangles, lines and text, and nothing else. Lengths are in pixels.</summary>
public sealed class SvgDocument
{
    private readonly StringBuilder _body = new();

    /// <summary>How text stands to its point.</summary>
    public enum Anchor
    {
        /// <summary>It begins there.</summary>
        Start,

        /// <summary>It is centred there.</summary>
        Middle,

        /// <summary>It ends there.</summary>
        End,
    }

    /// <summary>A rectangle, rounded when there is a radius.</summary>
    public void Rectangle(double x, double y, double width, double height, string fill, string? stroke = null, double radius = 0) =>
        Line($"<rect x='{x:0.##}' y='{y:0.##}' width='{Math.Max(0, width):0.##}' height='{height:0.##}' fill='{fill}'{(radius > 0 ? string.Create(CultureInfo.InvariantCulture, $" rx='{radius:0.##}'") : "")}{(stroke is null ? "" : $" stroke='{stroke}' stroke-width='0.75'")}/>");

    /// <summary>A line.</summary>
    public void Stroke(double x1, double y1, double x2, double y2, string colour = "#000", double width = 0.75) =>
        Line($"<line x1='{x1:0.##}' y1='{y1:0.##}' x2='{x2:0.##}' y2='{y2:0.##}' stroke='{colour}' stroke-width='{width:0.##}'/>");

    /// <summary>A line of text.</summary>
    public void Text(double x, double y, string text, Anchor anchor = Anchor.Start, double size = 10, bool bold = false,
        string colour = "#000") =>
        Line($"<text x='{x:0.##}' y='{y:0.##}' font-size='{size:0.##}' fill='{colour}'{(bold ? " font-weight='bold'" : "")} text-anchor='{anchor.ToString().ToLowerInvariant()}'>{SecurityElement.Escape(text)}</text>");

    /// <summary>The whole document.</summary>
    /// <param name="width">Its width.</param>
    /// <param name="height">Its height.</param>
    /// <param name="title">What it shows, for those who cannot see it.</param>
    public string Finish(double width, double height, string title) => string.Create(CultureInfo.InvariantCulture, $"""
        <?xml version="1.0" encoding="UTF-8"?>
        <svg xmlns="http://www.w3.org/2000/svg" width="{width:0.##}" height="{height:0.##}" viewBox="0 0 {width:0.##} {height:0.##}" font-family="Helvetica, Arial, 'Liberation Sans', sans-serif" role="img">
        <title>{SecurityElement.Escape(title)}</title>
        <rect width="100%" height="100%" fill="#fff"/>
        {_body}</svg>

        """);

    private void Line(FormattableString element) => _body.Append(element.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
