namespace Cloister.Host.Tests;

public class MappedAreasTests
{
    private const PageAccess Code = PageAccess.Read | PageAccess.Execute, Data = PageAccess.Read | PageAccess.Write;
    private readonly MappedAreas _areas = new();

    [Fact]
    public void Only_what_can_be_executed_is_told()
    {
        _areas.Set(0x1000, 0x2000, Code);
        _areas.Set(0x3000, 0x1000, Data);
        Assert.Equal([(0x1000, 0x2000, Code)], _areas.Executable);
    }

    [Fact]
    public void A_new_mapping_takes_the_place_of_what_was()
    {
        _areas.Set(0, 0x5000, Code);
        _areas.Set(0x1000, 0x1000, Data);
        Assert.Equal([(0, 0x1000, Code), (0x2000, 0x3000, Code)], _areas.Executable);
        _areas.Remove(0x2000, 0x1000);
        Assert.Equal([(0, 0x1000, Code), (0x3000, 0x2000, Code)], _areas.Executable);
    }

    [Fact]
    public void Other_access_changes_what_is_mapped_and_no_more()
    {
        _areas.Set(0x1000, 0x1000, Data);
        _areas.Set(0x3000, 0x2000, Code);
        _areas.Protect(0, 0x4000, Code | PageAccess.Write);
        Assert.Equal([(0x1000, 0x1000, Code | PageAccess.Write), (0x3000, 0x1000, Code | PageAccess.Write), (0x4000, 0x1000, Code)],
            _areas.Executable);
        _areas.Protect(0, 0x10000, PageAccess.Read);
        Assert.Empty(_areas.Executable);
    }
}
