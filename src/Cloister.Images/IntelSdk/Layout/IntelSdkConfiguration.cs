using System.Collections.Frozen;
using System.Globalization;
using System.Xml;

namespace Cloister.Images;

/// <summary>
/// The XML configuration that the Intel SDK's signer takes: heap, stacks, threads, and what goes into the SIGSTRUCT.
/// intel/linux-sgx, sdk/sign_tool/SignTool/sign_tool.cpp (names, ranges, defaults) and manage_metadata.cpp (parse_metadata_file).
/// </summary>
public sealed class IntelSdkConfiguration
{
    private const int MaximumCharacters = 1 << 20;
    private const ulong AnySize = ulong.MaxValue / 2;

    // Name, least, greatest, default. A default of null depends on the SDK's release, or on another element.
    private static readonly FrozenDictionary<string, (ulong Least, ulong Greatest, ulong? Default)> Elements =
        new Dictionary<string, (ulong Least, ulong Greatest, ulong? Default)>
        {
            ["ProdID"] = (0, 0xffff, 0),
            ["ISVSVN"] = (0, 0xffff, 0),
            ["ReleaseType"] = (0, 1, 0),
            ["IntelSigned"] = (0, 1, 0),
            ["ProvisionKey"] = (0, 1, 0),
            ["LaunchKey"] = (0, 1, 0),
            ["DisableDebug"] = (0, 1, 0),
            ["HW"] = (0, 0x10, 0),
            ["TCSNum"] = (1, uint.MaxValue, 1),
            ["TCSMaxNum"] = (1, uint.MaxValue, null),
            ["TCSMinPool"] = (0, uint.MaxValue, 1),
            ["TCSPolicy"] = (0, 1, 1),
            ["StackMaxSize"] = (0x1000, AnySize, 0x40000),
            ["StackMinSize"] = (0x1000, AnySize, null),
            ["HeapMaxSize"] = (0, AnySize, 0x1000000),
            ["HeapMinSize"] = (0, AnySize, 0x1000),
            ["HeapInitSize"] = (0, AnySize, null),
            ["ReservedMemMaxSize"] = (0, AnySize, 0),
            ["ReservedMemMinSize"] = (0, AnySize, 0),
            ["ReservedMemInitSize"] = (0, AnySize, null),
            ["ReservedMemExecutable"] = (0, 1, 0),
            ["MiscSelect"] = (0, uint.MaxValue, 0),
            ["MiscMask"] = (0, uint.MaxValue, uint.MaxValue),
            ["EnableKSS"] = (0, 1, 0),
            ["ISVFAMILYID_H"] = (0, ulong.MaxValue, 0),
            ["ISVFAMILYID_L"] = (0, ulong.MaxValue, 0),
            ["ISVEXTPRODID_H"] = (0, ulong.MaxValue, 0),
            ["ISVEXTPRODID_L"] = (0, ulong.MaxValue, 0),
            ["EnclaveImageAddress"] = (0x1000, ulong.MaxValue, 0),
            ["ELRangeStartAddress"] = (0, ulong.MaxValue, 0),
            ["ELRangeSize"] = (0x1000, ulong.MaxValue, 0),
            ["PKRU"] = (0, 2, 0),
            ["AMX"] = (0, 2, 0),
            ["UserRegionSize"] = (0, AnySize, 0),
            ["EnableAEXNotify"] = (0, 1, 0),
            ["EnableIPPFIPS"] = (0, 1, 0),
            ["EnableOSSLFIPS"] = (0, 1, 0),
        }.ToFrozenDictionary();

    // SDK 2.6 and 2.7 had these names.
    private static readonly FrozenDictionary<string, string> Former = new Dictionary<string, string>
    {
        ["RsrvMaxSize"] = "ReservedMemMaxSize",
        ["RsrvMinSize"] = "ReservedMemMinSize",
        ["RsrvInitSize"] = "ReservedMemInitSize",
    }.ToFrozenDictionary();

    private readonly Dictionary<string, ulong> values = [];

    private IntelSdkConfiguration()
    {
    }

    /// <summary>What the signer takes when it is given no file.</summary>
    public static IntelSdkConfiguration Default { get; } = new();

    /// <summary>An element's value, or the signer's default; 0 when that depends on other elements or on the SDK's release.</summary>
    /// <param name="element">Its name, as in "TCSNum".</param>
    /// <exception cref="ArgumentException">No signer knows it.</exception>
    public ulong this[string element]
        => values.TryGetValue(element, out ulong value) ? value
            : Elements.TryGetValue(element, out var known) ? known.Default ?? 0
            : throw new ArgumentException($"no element of the configuration is named {element}", nameof(element));

    /// <summary>Whether the file holds the element.</summary>
    public bool Has(string element) => values.ContainsKey(element);

    internal bool IsSet(string element) => this[element] != 0;

    /// <summary>Reads the text of such a file.</summary>
    /// <exception cref="ImageException">It is no XML, or holds what no signer knows, or a value out of its range.</exception>
    public static IntelSdkConfiguration Parse(string xml)
    {
        ArgumentNullException.ThrowIfNull(xml);
        var settings = new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            IgnoreComments = true,
            IgnoreWhitespace = true,
            IgnoreProcessingInstructions = true,
            MaxCharactersInDocument = MaximumCharacters,
        };
        try
        {
            using var text = new StringReader(xml);
            using var reader = XmlReader.Create(text, settings);
            return Read(reader);
        }
        catch (XmlException wrong)
        {
            throw new ImageException($"the configuration is no XML: {wrong.Message.TrimEnd('.')}", wrong);
        }
    }

    private static IntelSdkConfiguration Read(XmlReader reader)
    {
        var configuration = new IntelSdkConfiguration();
        if (reader.MoveToContent() != XmlNodeType.Element || reader.LocalName != "EnclaveConfiguration")
        {
            throw new ImageException("the configuration does not begin with EnclaveConfiguration");
        }

        bool isEmpty = reader.IsEmptyElement;
        reader.Read();
        while (!isEmpty && reader.NodeType != XmlNodeType.EndElement)
        {
            if (reader.NodeType != XmlNodeType.Element)
            {
                throw new ImageException("the configuration has text between its elements");
            }

            string name = reader.LocalName;
            if (reader.HasAttributes)
            {
                throw new ImageException($"{name} of the configuration has attributes, which mean nothing to a signer");
            }

            configuration.Add(Former.GetValueOrDefault(name, name), reader.ReadElementContentAsString());
        }

        return configuration;
    }

    private void Add(string name, string text)
    {
        if (!Elements.TryGetValue(name, out (ulong Least, ulong Greatest, ulong? Default) element))
        {
            throw new ImageException($"the configuration has an element that no signer knows: {name}");
        }

        if (Number(text.Trim()) is not { } value)
        {
            throw new ImageException($"{name} of the configuration is '{text}', which is no number");
        }

        if (value < element.Least || value > element.Greatest)
        {
            throw new ImageException(
                $"{name} of the configuration is 0x{value:x}, and 0x{element.Least:x} to 0x{element.Greatest:x} are possible");
        }

        if (!values.TryAdd(name, value))
        {
            throw new ImageException($"{name} stands twice in the configuration");
        }
    }

    // As strtoull reads it with base 0: 0x before hexadecimal digits, 0 before octal ones.
    private static ulong? Number(string text)
    {
        if (text.StartsWith("0x", StringComparison.OrdinalIgnoreCase))
        {
            return ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong hexadecimal)
                ? hexadecimal : null;
        }

        if (text.Length > 1 && text[0] == '0')
        {
            ulong octal = 0;
            foreach (char digit in text)
            {
                if (digit is < '0' or > '7' || octal > ulong.MaxValue >> 3)
                {
                    return null;
                }

                octal = (octal << 3) | (uint)(digit - '0');
            }

            return octal;
        }

        return ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value : null;
    }
}
