using System.Reflection.Metadata;

namespace Cloister.House.Tests.Rooms;

/// <summary>Where the types of an assembly are written, by what the compiler noted for debuggers (Portable PDB).</summary>
internal sealed class SourceFiles(MetadataReader metadata, MetadataReader symbols)
{
    // TypeDefinitionDocuments: of types without code.
    private static readonly Guid s_documents = new("932e74bc-dba9-4478-8d46-0f32a7bab3d3");

    /// <summary>The file of a type, from the project's folder on; null for what the compiler made.</summary>
    /// <param name="handle">The type.</param>
    /// <param name="project">The project's name, which is its folder's.</param>
    public string? Of(TypeDefinitionHandle handle, string project)
    {
        foreach (CustomDebugInformationHandle about in symbols.GetCustomDebugInformation(handle))
        {
            CustomDebugInformation information = symbols.GetCustomDebugInformation(about);
            if (symbols.GetGuid(information.Kind) == s_documents)
            {
                return Within(MetadataDocument(symbols.GetBlobReader(information.Value).ReadCompressedInteger()), project);
            }
        }

        return metadata.GetTypeDefinition(handle).GetMethods()
            .Select(method => symbols.GetMethodDebugInformation(method.ToDebugInformationHandle()).Document)
            .Where(document => !document.IsNil)
            .Select(document => Within(document, project))
            .FirstOrDefault(file => file is not null);
    }

    private static DocumentHandle MetadataDocument(int row) => System.Reflection.Metadata.Ecma335.MetadataTokens.DocumentHandle(row);

    // What generators write lies below obj.
    private string? Within(DocumentHandle document, string project)
    {
        string name = symbols.GetString(symbols.GetDocument(document).Name), folder = $"/src/{project}/";
        int at = name.LastIndexOf(folder, StringComparison.Ordinal);
        return at < 0 || name.IndexOf("/obj/", at, StringComparison.Ordinal) >= 0 ? null : name[(at + folder.Length)..];
    }
}
