using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Cloister.House.Tests.Rooms;

/// <summary>
/// Which type of the product uses which, as the compiler wrote it. What a type holds inside belongs to it; inlined constants do not show.
/// A room is a folder of a project.
/// </summary>
internal sealed class TypeGraph
{
    private readonly Dictionary<string, SortedSet<string>> _uses = [];
    private readonly Dictionary<string, string> _rooms = [];

    /// <summary>The assemblies that stand beside the tests.</summary>
    public static TypeGraph Built { get; } = Read(Repository.Projects);

    /// <summary>The types, by full name.</summary>
    public IEnumerable<string> Types => _uses.Keys.Order(StringComparer.Ordinal);

    /// <summary>The types that a type uses, itself left out.</summary>
    public IReadOnlySet<string> UsedBy(string type) => _uses[type];

    /// <summary>The room that a type is in: Cloister.Driver/Ioctls.</summary>
    public string RoomOf(string type) => _rooms[type];

    /// <summary>The project of a room.</summary>
    public static string ProjectOf(string room) => room.Split('/')[0];

    private static TypeGraph Read(IEnumerable<string> projects)
    {
        var graph = new TypeGraph();
        foreach (string project in projects)
        {
            // The command's assembly has the command's name.
            string file = Path.Combine(AppContext.BaseDirectory, project == "Cloister.Cli" ? "cloister" : project);
            using var image = new PEReader(File.OpenRead(file + ".dll"));
            using MetadataReaderProvider symbols = MetadataReaderProvider.FromPortablePdbStream(File.OpenRead(file + ".pdb"));
            graph.Add(project, image, symbols.GetMetadataReader());
        }

        foreach (string type in graph._uses.Keys.Except(graph._rooms.Keys).ToArray())
        {
            graph._uses.Remove(type);
        }

        foreach (SortedSet<string> used in graph._uses.Values)
        {
            used.RemoveWhere(type => !graph._uses.ContainsKey(type));
        }

        return graph;
    }

    private void Add(string project, PEReader image, MetadataReader symbols)
    {
        MetadataReader metadata = image.GetMetadataReader();
        var files = new SourceFiles(metadata, symbols);
        foreach (TypeDefinitionHandle handle in metadata.TypeDefinitions)
        {
            string name = UsedTypes.OutermostName(metadata, handle);
            if (!_uses.TryGetValue(name, out SortedSet<string>? used))
            {
                _uses[name] = used = new(StringComparer.Ordinal);
            }

            if (!_rooms.ContainsKey(name) && files.Of(handle, project) is { } file)
            {
                _rooms[name] = Path.GetDirectoryName($"{project}/{file}")!;
            }

            new UsedTypes(metadata, image, used).Add(handle);
            used.Remove(name);
        }
    }
}
