using System.Globalization;

namespace Cloister.Cli.Containers;

/// <summary>Amounts as Kubernetes writes them: 67108864, 64Mi, 1.5Gi, 64e6, 64M. k8s.io/apimachinery/pkg/api/resource, Quantity.</summary>
internal static class ResourceQuantity
{
    private static readonly string[] s_binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"], s_decimal = ["k", "M", "G", "T", "P", "E"];

    /// <summary>Reads one; what is not whole is rounded up, as there.</summary>
    public static bool TryParse(string text, out long amount)
    {
        amount = 0;
        int end = 0;
        while (end < text.Length && (char.IsAsciiDigit(text[end]) || text[end] == '.'))
        {
            end++;
        }

        if (Unit(text[end..]) is not { } unit
            || !decimal.TryParse(text.AsSpan(0, end), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal number)
            || number > long.MaxValue / unit)
        {
            return false;
        }

        amount = (long)decimal.Ceiling(number * unit);
        return true;
    }

    private static decimal? Unit(string suffix) => suffix switch
    {
        "" => 1,
        "m" => 0.001m,
        _ when Array.IndexOf(s_binary, suffix) is >= 0 and var power => 1L << (10 * (power + 1)),
        _ when Array.IndexOf(s_decimal, suffix) is >= 0 and var power => Power(3 * (power + 1)),
        ['e' or 'E', .. var exponent]
            when int.TryParse(exponent, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int power)
            && power is >= -9 and <= 18 => Power(power),
        _ => null,
    };

    private static decimal Power(int exponent) => (decimal)Math.Pow(10, exponent);
}
