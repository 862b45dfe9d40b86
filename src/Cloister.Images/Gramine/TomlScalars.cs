using System.Globalization;
using Tomlyn;
using Tomlyn.Parsing;

namespace Cloister.Images;

/// <summary>The scalars of a TOML file by their full names: as much as a signed Gramine manifest needs. Arrays are passed over.</summary>
internal sealed class TomlScalars
{
    private readonly Dictionary<string, string> values = new(StringComparer.Ordinal);
    private readonly Stack<string> tables = [];
    private readonly HashSet<string> containers = new(StringComparer.Ordinal);
    private readonly TomlParser parser;
    private string name = "";

    private TomlScalars(string text) => parser = TomlParser.Create(text);

    public IReadOnlyDictionary<string, string> Values => values;

    /// <summary>The names of tables and arrays within tables.</summary>
    public IReadOnlySet<string> Containers => containers;

    /// <exception cref="ImageException">It is no TOML.</exception>
    public static TomlScalars Parse(string text)
    {
        var toml = new TomlScalars(text);
        try
        {
            while (toml.parser.MoveNext())
            {
                toml.Take(toml.parser.Current);
            }
        }
        catch (TomlException wrong)
        {
            throw new ImageException($"the manifest is no TOML: {Problem(wrong)}", Math.Min(wrong.Offset ?? 0, text.Length));
        }
        catch (ArgumentException)
        {
            // Tomlyn 2.10.2, Lexer.TryReadEscapeChar: a text that ends in an escape.
            throw new ImageException("the manifest is no TOML: an escape is cut off", text.Length);
        }

        return toml;
    }

    public string? Text(string name) => values.GetValueOrDefault(name);

    public bool Flag(string name) => values.GetValueOrDefault(name) == "true";

    public ulong? Number(string name)
    {
        if (values.GetValueOrDefault(name) is not { } value)
        {
            return null;
        }

        return ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
            ? number
            : throw new ImageException($"{name} = {value} is no number");
    }

    private void Take(in TomlParseEvent happened)
    {
        switch (happened.Kind)
        {
            case TomlParseEventKind.PropertyName:
                name = (tables.TryPeek(out string? table) ? table : "") + parser.GetPropertyName();
                break;
            case TomlParseEventKind.StartTable:
                tables.Push(name.Length == 0 ? "" : Begin('.'));
                break;
            case TomlParseEventKind.StartArray:
                name = Begin('[');
                tables.Push(name);
                break;
            case TomlParseEventKind.EndTable or TomlParseEventKind.EndArray:
                name = WithoutLast(tables.Pop());
                break;
            case TomlParseEventKind.String:
                Set(parser.GetString());
                break;
            case TomlParseEventKind.Integer:
                Set(happened.GetInt64().ToString(CultureInfo.InvariantCulture));
                break;
            case TomlParseEventKind.Boolean:
                Set(happened.GetBoolean() ? "true" : "false");
                break;
            case TomlParseEventKind.Float:
                Set(happened.GetDouble().ToString(CultureInfo.InvariantCulture));
                break;
        }
    }

    private static string WithoutLast(string container) => container.Length == 0 ? "" : container[..^1];

    private string Begin(char kind)
    {
        string begun = name + kind;
        containers.Add(begun);
        return begun;
    }

    // Elements of arrays have no names of their own; nothing asks for them.
    private void Set(string value)
    {
        if (!name.Contains('[', StringComparison.Ordinal))
        {
            values[name] = value;
        }
    }

    // Without the place, which is told as for every file.
    private static string Problem(TomlException wrong)
    {
        string message = wrong.Message.Split('\n')[0].TrimEnd();
        int place = message.IndexOf("error : ", StringComparison.Ordinal);
        return place < 0 ? message : message[(place + "error : ".Length)..].TrimEnd('.');
    }
}
