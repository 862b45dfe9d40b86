using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Cloister.Linux.Tests")]
[assembly: InternalsVisibleTo("Cloister.Engine.Tests")]
