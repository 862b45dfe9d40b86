namespace Cloister.Linux.Tests.Sgx;

public class VdsoLookupTests
{
    private const ulong PageSizeEntry = 6;

    [Fact]
    public void Auxiliary_vector_tells_the_page_size() => Assert.Equal(4096ul, AuxiliaryVector.Find(PageSizeEntry));

    [Fact]
    public void Unknown_entry_is_0() => Assert.Equal(0ul, AuxiliaryVector.Find(9999));

    [Fact]
    public void Function_that_every_vdso_has_is_inside_the_vdso()
    {
        ulong start = AuxiliaryVector.Find(AuxiliaryVector.SysinfoEhdr), function = VdsoLookup.Find("__vdso_clock_gettime");
        Assert.InRange(function - start, 64ul, 1ul << 16);
        Assert.NotEqual(function, VdsoLookup.Find("__vdso_gettimeofday"));
    }

    [Theory]
    [InlineData("__vdso_no_such_function")]
    [InlineData("__vdso_clock_gettim")]
    [InlineData("")]
    public void Unknown_function_is_0(string name) => Assert.Equal(0ul, VdsoLookup.Find(name));
}
