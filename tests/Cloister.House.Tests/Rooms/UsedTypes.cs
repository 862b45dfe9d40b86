using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Cloister.House.Tests.Rooms;

/// <summary>
/// Collects the types that one type names: bases, fields, signatures, locals, attributes and what its code refers to (ECMA-335, II.22).
/// </summary>
internal sealed class UsedTypes(MetadataReader metadata, PEReader image, ISet<string> found)
{
    private readonly SignatureTypes _signatures = new(found);

    /// <summary>The full name of the type that a type stands in.</summary>
    public static string OutermostName(MetadataReader metadata, TypeDefinitionHandle handle)
    {
        TypeDefinition type = metadata.GetTypeDefinition(handle);
        return type.GetDeclaringType() is { IsNil: false } outer
            ? OutermostName(metadata, outer)
            : FullName(metadata, type.Namespace, type.Name);
    }

    /// <summary>The same of a type of another assembly.</summary>
    public static string OutermostName(MetadataReader metadata, TypeReferenceHandle handle)
    {
        TypeReference type = metadata.GetTypeReference(handle);
        return type.ResolutionScope.Kind == HandleKind.TypeReference
            ? OutermostName(metadata, (TypeReferenceHandle)type.ResolutionScope)
            : FullName(metadata, type.Namespace, type.Name);
    }

    /// <summary>Everything that one type definition names; those inside it are definitions of their own.</summary>
    public void Add(TypeDefinitionHandle handle)
    {
        TypeDefinition type = metadata.GetTypeDefinition(handle);
        Reference(type.BaseType);
        Attributes(type.GetCustomAttributes());
        Constraints(type.GetGenericParameters());
        foreach (InterfaceImplementationHandle implementation in type.GetInterfaceImplementations())
        {
            Reference(metadata.GetInterfaceImplementation(implementation).Interface);
        }

        foreach (FieldDefinitionHandle field in type.GetFields())
        {
            metadata.GetFieldDefinition(field).DecodeSignature(_signatures, null);
            Attributes(metadata.GetFieldDefinition(field).GetCustomAttributes());
        }

        foreach (MethodDefinitionHandle method in type.GetMethods())
        {
            Method(metadata.GetMethodDefinition(method));
        }
    }

    private static string FullName(MetadataReader metadata, StringHandle space, StringHandle name) =>
        space.IsNil ? metadata.GetString(name) : metadata.GetString(space) + "." + metadata.GetString(name);

    private void Method(MethodDefinition method)
    {
        method.DecodeSignature(_signatures, null);
        Attributes(method.GetCustomAttributes());
        Constraints(method.GetGenericParameters());
        if (method.RelativeVirtualAddress == 0)
        {
            return;
        }

        MethodBodyBlock body = image.GetMethodBody(method.RelativeVirtualAddress);
        if (!body.LocalSignature.IsNil)
        {
            metadata.GetStandaloneSignature(body.LocalSignature).DecodeLocalSignature(_signatures, null);
        }

        foreach (ExceptionRegion region in body.ExceptionRegions)
        {
            Reference(region.CatchType);
        }

        foreach (int token in CodeTokens.Of(body.GetILReader()))
        {
            Reference(MetadataTokens.EntityHandle(token));
        }
    }

    private void Reference(EntityHandle handle)
    {
        if (handle.IsNil)
        {
            return;
        }

        switch (handle.Kind)
        {
            case HandleKind.TypeDefinition:
                found.Add(OutermostName(metadata, (TypeDefinitionHandle)handle));
                break;
            case HandleKind.TypeReference:
                found.Add(OutermostName(metadata, (TypeReferenceHandle)handle));
                break;
            case HandleKind.TypeSpecification:
                metadata.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(_signatures, null);
                break;
            case HandleKind.MethodDefinition:
                Reference(metadata.GetMethodDefinition((MethodDefinitionHandle)handle).GetDeclaringType());
                break;
            case HandleKind.FieldDefinition:
                Reference(metadata.GetFieldDefinition((FieldDefinitionHandle)handle).GetDeclaringType());
                break;
            case HandleKind.MethodSpecification:
                MethodSpecification specification = metadata.GetMethodSpecification((MethodSpecificationHandle)handle);
                specification.DecodeSignature(_signatures, null);
                Reference(specification.Method);
                break;
            case HandleKind.MemberReference:
                Member(metadata.GetMemberReference((MemberReferenceHandle)handle));
                break;
        }
    }

    private void Member(MemberReference member)
    {
        Reference(member.Parent);
        if (member.GetKind() == MemberReferenceKind.Field)
        {
            member.DecodeFieldSignature(_signatures, null);
        }
        else
        {
            member.DecodeMethodSignature(_signatures, null);
        }
    }

    private void Attributes(CustomAttributeHandleCollection attributes)
    {
        foreach (CustomAttributeHandle attribute in attributes)
        {
            Reference(metadata.GetCustomAttribute(attribute).Constructor);
        }
    }

    private void Constraints(GenericParameterHandleCollection parameters)
    {
        foreach (GenericParameterHandle parameter in parameters)
        {
            foreach (GenericParameterConstraintHandle constraint in metadata.GetGenericParameter(parameter).GetConstraints())
            {
                Reference(metadata.GetGenericParameterConstraint(constraint).Type);
            }
        }
    }
}
