using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Cloister.Driver.Tests")]
[assembly: InternalsVisibleTo("Cloister.Cli.Tests")]
