namespace Cloister.Empty;

/// <summary>The least that .NET can run: what the start of Cloister is compared with.</summary>
internal static class Program
{
    private static void Main()
    {
    }
}
