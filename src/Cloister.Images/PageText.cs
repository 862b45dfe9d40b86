using Cloister.Architecture;

namespace Cloister.Images;

/// <summary>SECINFO for a reader.</summary>
public static class PageText
{
    /// <summary>"REG r-x", "TCS ---".</summary>
    public static string Of(SecinfoFlags flags)
    {
        string type = new Secinfo(flags).PageType switch
        {
            PageType.Secs => "SECS",
            PageType.Tcs => "TCS",
            PageType.Reg => "REG",
            PageType.Va => "VA",
            PageType.Trim => "TRIM",
            PageType.SsFirst => "SS_FIRST",
            PageType.SsRest => "SS_REST",
            PageType other => $"type {(int)other}",
        };
        return $"{type} {Permissions(flags)}";
    }

    /// <summary>"r-x".</summary>
    public static string Permissions(SecinfoFlags flags)
        => $"{((flags & SecinfoFlags.R) != 0 ? 'r' : '-')}{((flags & SecinfoFlags.W) != 0 ? 'w' : '-')}{((flags & SecinfoFlags.X) != 0 ? 'x' : '-')}";
}
