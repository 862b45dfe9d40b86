using System.Text;
using Cloister.Architecture;
using Cloister.Attestation.Platforms;
using FsCheck;
using FsCheck.Fluent;

namespace Cloister.Attestation.Tests.Platforms;

/// <summary>A platform's file is read as it was written, and one that is cut or damaged is one error.</summary>
public class PlatformTextTests
{
    private static readonly Platform s_platform = new(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray(), new PlatformSettings
    {
        PendingCpusvn = "02020000000000000000000000000000",
        Pcesvn = 13,
        Fmspc = "00906ED50000",
        Authority = CertificateAuthority.Processor,
        OwnerEpoch = "000102030405060708090a0b0c0d0e0f",
        Smt = false,
        Pce = new ArchitecturalEnclave(new string('a', 64), 2, 13) { Miscselect = Miscselect.Exinfo },
        Qe = new ArchitecturalEnclave(new string('b', 64), 3, 65535)
        {
            Attributes = AttributeFlags.Init | AttributeFlags.ProvisionKey | AttributeFlags.Kss,
            AttributesMask = AttributeFlags.Debug,
            Miscmask = 0,
        },
    });

    [Fact]
    public void It_is_read_as_it_was_written()
    {
        Platform read = PlatformText.ReadPlatform(PlatformText.Write(s_platform));
        Assert.Equal(s_platform.RootKey.ToArray(), read.RootKey.ToArray());
        Assert.Equal(s_platform.Settings.AllVersions, read.Settings.AllVersions);
        Assert.Equal(s_platform.Settings with { Versions = [] }, read.Settings with { Versions = [] });
        Assert.Equal(new PlatformSettings(), PlatformText.ReadSettings(Encoding.UTF8.GetBytes("{\"schema\": 1}")) with
        {
            Versions = new PlatformSettings().Versions,
        });
    }

    [Fact]
    public void Intels_PCE_and_QE_are_not_written() =>
        Assert.DoesNotContain("mrsigner",
            Encoding.UTF8.GetString(PlatformText.Write(s_platform with { Settings = s_platform.Settings with { Pce = null, Qe = null } })),
            StringComparison.Ordinal);

    [Fact]
    public void The_settings_do_not_tell_the_key() =>
        Assert.DoesNotContain("rootKey", Encoding.UTF8.GetString(PlatformText.Write(s_platform.Settings)), StringComparison.Ordinal);

    [Fact]
    public void A_file_that_is_cut_is_one_error()
    {
        byte[] whole = PlatformText.Write(s_platform);
        Assert.All(Enumerable.Range(0, whole.Length - 2),
            length => Assert.Throws<AttestationException>(() => PlatformText.ReadPlatform(whole.AsMemory(0, length))));
    }

    [Fact]
    public void A_damaged_file_is_an_error_or_a_platform()
    {
        byte[] whole = PlatformText.Write(s_platform);
        Prop.ForAll<NonNegativeInt, byte>((at, value) =>
        {
            byte[] damaged = [.. whole];
            damaged[at.Get % damaged.Length] = value;
            try
            {
                _ = PlatformText.ReadPlatform(damaged);
            }
            catch (AttestationException)
            {
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2000));
    }

    [Theory]
    [InlineData("[]", "no JSON object")]
    [InlineData("{\"schema\": 2}", "schema")]
    [InlineData("{}", "schema")]
    [InlineData("{\"schema\": 1, \"cpusvn\": \"01\"}", "32 hexadecimal digits")]
    [InlineData("{\"schema\": 1, \"cpusvn\": 1}", "no whole JSON text")]
    [InlineData("{\"schema\": 1, \"pcesvn\": 65536}", "65535")]
    [InlineData("{\"schema\": 1, \"authority\": \"x\"}", "platform or processor")]
    [InlineData("{\"schema\": 1, \"svn\": 1}", "no member 'svn'")]
    [InlineData("{\"schema\": 1, \"versions\": [{}]}", "cpusvn")]
    [InlineData("{\"schema\": 1, \"pce\": {}}", "'mrsigner' is not 64")]
    [InlineData("{\"schema\": 1, \"qe\": 1}", "no whole JSON text")]
    [InlineData("{\"schema\": 1, \"qe\": {\"mrsigner\": \"01\"}}", "64 hexadecimal digits")]
    [InlineData("{\"schema\": 1, \"qe\": {\"mrsigner\": \"8c4f5775d796503e96137f77c68a829a0056ac8ded70140b081b094490c57bff\", \"isvprodid\": 1, \"isvsvn\": 1}}", "'attributes' is not 16")]
    public void What_is_wrong_is_said(string text, string expected) =>
        Assert.Contains(expected,
            Assert.Throws<AttestationException>(() => PlatformText.ReadSettings(Encoding.UTF8.GetBytes(text))).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Versions_are_kept_in_their_order_and_once()
    {
        PlatformSettings settings = new PlatformSettings().At("03030000000000000000000000000000", 16)
            .At("02020000000000000000000000000000", 16).At("02020000000000000000000000000000", 16);
        Assert.Equal(["01010000000000000000000000000000", "02020000000000000000000000000000", "03030000000000000000000000000000"],
            settings.AllVersions.Select(version => version.Cpusvn));
        Assert.Equal("02020000000000000000000000000000", settings.Cpusvn);
        Assert.Equal("",
            (new PlatformSettings { PendingCpusvn = "02020000000000000000000000000000" }).At("02020000000000000000000000000000",
                16).PendingCpusvn);
    }
}
