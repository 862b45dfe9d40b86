using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Cloister.Driver.Tests")]
