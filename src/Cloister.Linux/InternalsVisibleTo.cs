using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Cloister.Linux.Tests")]
