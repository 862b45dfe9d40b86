namespace Cloister.Images;

// What the dynamic symbol table betrays.
internal sealed record ElfSymbolNames(IReadOnlyList<string> Imports)
{
    private const int MaximumNames = 4096;

    // The Intel SDK's simulation libraries define this one; its loader looks for it. elfparser.cpp, check_symbol_table.
    private const string Simulation = "g_global_data_sim";

    public static ElfSymbolNames Read(ElfFile elf)
    {
        var names = new List<string>();
        foreach (ElfSymbol symbol in elf.Symbols(ElfFile.SectionDynamicSymbols))
        {
            if ((symbol.IsUndefined || symbol.Name == Simulation) && names.Count < MaximumNames)
            {
                names.Add(symbol.Name);
            }
        }

        return new ElfSymbolNames(names);
    }
}
