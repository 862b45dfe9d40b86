using System.Reflection;
using System.Reflection.Emit;
using System.Reflection.Metadata;

namespace Cloister.House.Tests.Rooms;

/// <summary>The metadata tokens in a method's code (ECMA-335, III.1.2).</summary>
internal static class CodeTokens
{
    private static readonly Dictionary<int, OperandType> s_operands = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value & 0xffff, code => code.OperandType);

    /// <summary>The tokens of types, fields and methods, in order.</summary>
    public static List<int> Of(BlobReader code)
    {
        var tokens = new List<int>();
        while (code.RemainingBytes > 0)
        {
            int operation = code.ReadByte();
            OperandType operand = s_operands[operation == 0xfe ? 0xfe00 | code.ReadByte() : operation];
            if (operand is OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType)
            {
                tokens.Add(code.ReadInt32());
            }
            else
            {
                int size = operand == OperandType.InlineSwitch ? 4 * code.ReadInt32() : Size(operand);
                code.Offset += size;
            }
        }

        return tokens;
    }

    private static int Size(OperandType operand) => operand switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        _ => 4,
    };
}
