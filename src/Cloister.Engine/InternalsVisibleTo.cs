using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Cloister.Engine.Tests")]
