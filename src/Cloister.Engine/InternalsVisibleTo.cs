using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Cloister.Engine.Tests")]
[assembly: InternalsVisibleTo("Cloister.House.Tests")]
[assembly: InternalsVisibleTo("Cloister.Kernel.Tests")]
