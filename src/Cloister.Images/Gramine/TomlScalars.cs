using System.Globalization;
using System.Text;

namespace Cloister.Images;

/// <summary>
/// The scalars of a TOML file by their full names: as much TOML as a signed Gramine manifest needs. Arrays are passed over.
/// TOML 1.0.0.
/// </summary>
internal sealed class TomlScalars
{
    private const int MaximumDepth = 64;

    private readonly Dictionary<string, string> values = new(StringComparer.Ordinal);
    private readonly string text;
    private int at;

    private TomlScalars(string text) => this.text = text;

    public IReadOnlyDictionary<string, string> Values => values;

    /// <exception cref="ImageException">It is no TOML.</exception>
    public static TomlScalars Parse(string text)
    {
        var toml = new TomlScalars(text);
        toml.Run();
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

        value = value.Replace("_", "", StringComparison.Ordinal);
        bool hexadecimal = value.StartsWith("0x", StringComparison.Ordinal);
        return ulong.TryParse(hexadecimal ? value[2..] : value, hexadecimal ? NumberStyles.HexNumber : NumberStyles.None, CultureInfo.InvariantCulture, out ulong number)
            ? number
            : throw new ImageException($"{name} = {value} is no number");
    }

    private void Run()
    {
        string table = "";
        int arrays = 0;
        while (SkipBlank())
        {
            if (text[at] == '[')
            {
                bool array = at + 1 < text.Length && text[at + 1] == '[';
                at += array ? 2 : 1;
                string name = Key();
                Expect(array ? "]]" : "]");

                // Elements of arrays of tables are kept apart; nothing asks for them.
                table = array ? $"{name}[{arrays++}]." : $"{name}.";
                continue;
            }

            string key = table + Key();
            Expect("=");
            SkipSpaces();
            if (Value(0) is { } value)
            {
                values[key] = value;
            }
        }
    }

    private string Key()
    {
        var name = new StringBuilder();
        while (true)
        {
            SkipSpaces();
            if (at >= text.Length)
            {
                throw Wrong("a name is cut off");
            }

            if (text[at] is '"' or '\'')
            {
                name.Append(Quoted());
            }
            else
            {
                int start = at;
                while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] is '_' or '-'))
                {
                    at++;
                }

                if (at == start)
                {
                    throw Wrong("a name is expected");
                }

                name.Append(text, start, at - start);
            }

            SkipSpaces();
            if (at >= text.Length || text[at] != '.')
            {
                return name.ToString();
            }

            at++;
            name.Append('.');
        }
    }

    // The text of a scalar, or null for an array or an inline table.
    private string? Value(int depth)
    {
        if (at >= text.Length || depth > MaximumDepth)
        {
            throw Wrong("a value is expected");
        }

        switch (text[at])
        {
            case '"' or '\'':
                return Quoted();
            case '[':
                SkipNested('[', ']', depth);
                return null;
            case '{':
                SkipNested('{', '}', depth);
                return null;
            default:
                int start = at;
                while (at < text.Length && text[at] is not (',' or ']' or '}' or '#' or '\n' or '\r' or ' ' or '\t'))
                {
                    at++;
                }

                return at == start ? throw Wrong("a value is expected") : text[start..at];
        }
    }

    private void SkipNested(char open, char close, int depth)
    {
        at++;
        while (SkipBlank())
        {
            if (text[at] == close)
            {
                at++;
                return;
            }

            if (text[at] == ',')
            {
                at++;
            }
            else if (open == '{')
            {
                Key();
                Expect("=");
                SkipSpaces();
                Value(depth + 1);
            }
            else
            {
                Value(depth + 1);
            }
        }

        throw Wrong($"'{close}' is missing");
    }

    private string Quoted()
    {
        char quote = text[at];
        string three = new(quote, 3);
        bool multiline = string.CompareOrdinal(text, at, three, 0, 3) == 0;
        string end = multiline ? three : quote.ToString();
        at += end.Length;
        var value = new StringBuilder();
        while (at < text.Length && string.CompareOrdinal(text, at, end, 0, end.Length) != 0)
        {
            if (text[at] == '\n' && !multiline)
            {
                throw Wrong("a string goes over the line's end");
            }

            if (text[at] == '\\' && quote == '"' && at + 1 < text.Length)
            {
                at++;
            }

            value.Append(text[at++]);
        }

        if (at >= text.Length)
        {
            throw Wrong("a string does not end");
        }

        at += end.Length;
        return value.ToString();
    }

    private void Expect(string token)
    {
        SkipSpaces();
        if (string.CompareOrdinal(text, at, token, 0, token.Length) != 0)
        {
            throw Wrong($"'{token}' is expected");
        }

        at += token.Length;
    }

    private void SkipSpaces()
    {
        while (at < text.Length && text[at] is (' ' or '\t'))
        {
            at++;
        }
    }

    // Spaces, ends of lines and comments; false at the end.
    private bool SkipBlank()
    {
        while (at < text.Length)
        {
            if (text[at] == '#')
            {
                int end = text.IndexOf('\n', at);
                at = end < 0 ? text.Length : end;
            }
            else if (text[at] is ' ' or '\t' or '\n' or '\r')
            {
                at++;
            }
            else
            {
                return true;
            }
        }

        return false;
    }

    private ImageException Wrong(string what) => new($"the manifest is no TOML: {what}", Math.Min(at, text.Length));
}
