using System.Security.Cryptography;

namespace Cloister.Images.Tests.IntelSdk.Layout;

public class IntelSdkLayoutTests
{
    private const int MetadataSize = 0x6000;

    /// <summary>
    /// What sgx_sign of each release, built from intel/linux-sgx, wrote for the same file and configuration: release,
    /// sizeof(global_data_t), thread-local variables, configuration; versions, SHA-256 of the metadata without key, signature and date,
    /// MRENCLAVE.
    /// </summary>
    public static TheoryData<string, int, bool, string, string, string, string> Signed => new()
    {
        {
            "2.3", 1488, false, "",
            "2.3 2.1 1.4", "de3a482a12a6fc5ff7650403440b5396c52cf403d7e024d9a95e0aaa4345c873",
            "84adb6526fbcb9dc75f14392ef44edb25fc05d7afb658dd8e56087ed754abcdd"
        },
        {
            "2.4", 1488, true,
            "<TCSNum>10</TCSNum><TCSMinPool>3</TCSMinPool><HeapMaxSize>0x100000</HeapMaxSize><ProdID>7</ProdID><ISVSVN>9</ISVSVN>",
            "2.4 2.1 1.4", "4afbd59de7dc2c686c268c4a29a6cb8f1af673989cad60c1c7edf775e107f5a2",
            "0c91d2144807764ad7fe814e497649465b196fb8c01e4ae4ac2d1f42dc2f5ebe"
        },
        {
            "2.5", 1488, true,
            "<TCSNum>1</TCSNum><TCSMaxNum>1</TCSMaxNum><StackMaxSize>0x4000</StackMaxSize><StackMinSize>0x4000</StackMinSize>",
            "2.4 2.1 1.4", "5fe79ce3044a4052db009cb3a507156d4d4ebcd87904d1fb08f678c8aa1302bf",
            "095aae54831b54cb5f4a3488d4bea53a9e659dedd1d636990f2417dca6851674"
        },
        {
            "2.6", 1632, true, "<RsrvMaxSize>0x345000</RsrvMaxSize><RsrvInitSize>0x3000</RsrvInitSize><RsrvMinSize>0x1000</RsrvMinSize>",
            "2.4 2.1 1.4", "341151580ba10b2e83153075d9076da77a2a7af45204b65bcc796bab377995d5",
            "8dd876ec0df9ac4200cb4b6f91598987e817d32ba2413cb060e4688779f303f5"
        },
        {
            "2.8", 1648, false,
            "<TCSNum>5</TCSNum><ReservedMemMaxSize>0x3000</ReservedMemMaxSize><ReservedMemExecutable>1</ReservedMemExecutable><TCSPolicy>0</TCSPolicy>",
            "2.4 2.1 1.4", "754472e27c46f0f029a20d405c89ed73eef6c2d6e8c714eb2fbcc58ea7415855",
            "1e627bb8320325d844002e84e96e7cf6ef58db421192858b40af1a49d182e288"
        },
        {
            "2.9.1", 1656, true,
            "<EnableKSS>1</EnableKSS><ISVFAMILYID_H>0x1122334455667788</ISVFAMILYID_H><ISVFAMILYID_L>5</ISVFAMILYID_L><ISVEXTPRODID_H>6</ISVEXTPRODID_H><ISVEXTPRODID_L>0x99</ISVEXTPRODID_L><DisableDebug>1</DisableDebug>",
            "2.4 2.1 1.4", "d65dfb142a8d2027a80b8ac73be8c355903c26128730114b279a286c762bcf93",
            "90cb21194c84466ed54bea7641d261c66ac06fae0cdc4ee2008afb37b7cc525d"
        },
        {
            "2.13", 1656, true, "<TCSNum>10</TCSNum><ReservedMemMaxSize>0x3000</ReservedMemMaxSize>",
            "2.4 2.1 1.4", "fba2e8c346c5f78f9c4b6453416eeee23f1cf291824acd453b9e51279d38c7ac",
            "ec51cf7a187f079b689ab2f20e2511a4bb9690f148dd698231804918d5e6ebd4"
        },
        {
            "2.15", 1680, true,
            "<ELRangeSize>0x10000000</ELRangeSize><ELRangeStartAddress>0x10000000</ELRangeStartAddress><EnclaveImageAddress>0x18000000</EnclaveImageAddress>",
            "12.4 11.4", "3da65117e305159c3de689a8f412f998c229d3bb01f3aa2a793932224e6da5ac",
            "32c8340d6b9e0d38b4bc8713d4ba53bc927b905a7800082fc0cfaa2439936a49"
        },
        {
            "2.17", 1688, false, "<PKRU>2</PKRU><TCSNum>3</TCSNum><TCSMaxNum>9</TCSMaxNum>",
            "2.4 2.1 1.4", "7d89fedfe958f305a803870c3a7a9c949589020ce24116bbe315ff408f76efd9",
            "deb5ec106c8de9f0dd63ec3ac805300a71c212a3a74296149f769f620106eb6a"
        },
        {
            "2.18", 1688, true, "<TCSNum>3</TCSNum><TCSMaxNum>6</TCSMaxNum><MiscSelect>1</MiscSelect><AMX>1</AMX>",
            "3.0", "3150dc9341847e57a10087b218b1e2a504b2e4e09d706a45abd0334909fd4414",
            "02f8003620c6334870419b1b512513da861b37e09094f5613dfc788ee0dc8398"
        },
        {
            "2.19", 1720, true, "<MiscSelect>1</MiscSelect><UserRegionSize>0x8000000</UserRegionSize>",
            "3.0", "44ad064b6db501c9b433ef8deee8112e34550dd38e55e6924de9c3930f521eea",
            "1c1a4c7eca816c11eb60ce0d31ba54af52edfda0bd339c16eb328ffd0a99533f"
        },
        {
            "2.20", 1760, true, "<EnableAEXNotify>1</EnableAEXNotify><HeapMaxSize>0x2000000</HeapMaxSize><MiscSelect>1</MiscSelect>",
            "3.0", "2dca0e2085d5fc0fe8846d30c8c352e8ac8a6ae67245a335878aa865fed18032",
            "e5957687f21f4f2d9fa69ded654858f08a29e325cd7f4bdbfef9ae974a80e048"
        },
        {
            "2.22", 1760, false, "<MiscSelect>1</MiscSelect><MiscMask>0xFFFFFFFE</MiscMask><TCSNum>4</TCSNum><TCSMinPool>0</TCSMinPool>",
            "3.1 1.4", "29307ac2169d3d6db98d09f1b96da086cff26072dd9b11ef2e29ddade36e8b03",
            "d42117c8015984db3be78fbcd7798e7bb1706dba54c36f4f3b123905a936a5a3"
        },
        {
            "2.24", 1760, true,
            "<ELRangeSize>0x10000000</ELRangeSize><EnclaveImageAddress>0x1000</EnclaveImageAddress><MiscSelect>1</MiscSelect><MiscMask>0xFFFFFFFE</MiscMask>",
            "13.2 11.5", "a2d2f166310f929886eb78d4c4fe99a4f7fe8f141e4aad1344876cf8d59797c9",
            "6851231c1605d0a58c16ff67a0b259f974e069e2e6d6dcaa6362cf21c6c7db5e"
        },
        {
            "2.25", 1768, true, "",
            "1.5", "c463e59dfcd12b4b9bd55e05852ed834b66742e21a0858814fb95ecb6bef23ff",
            "1317279a9a7acf48d66d30b84df9df6f46a9f21c8cef866cc305b64e6faa3b3d"
        },
        {
            "2.26", 1768, true,
            "<TCSNum>3</TCSNum><TCSMaxNum>8</TCSMaxNum><TCSMinPool>1</TCSMinPool><HeapMaxSize>0x80000</HeapMaxSize><HeapInitSize>0x10000</HeapInitSize><MiscSelect>1</MiscSelect><MiscMask>0xFFFFFFFE</MiscMask><ReservedMemMaxSize>0x40000</ReservedMemMaxSize><ReservedMemInitSize>0x3000</ReservedMemInitSize><ReservedMemMinSize>0x1000</ReservedMemMinSize><IntelSigned>1</IntelSigned><LaunchKey>1</LaunchKey><HW>5</HW><ProvisionKey>1</ProvisionKey><PKRU>1</PKRU>",
            "3.3 1.5", "27f1148fc6d76bfff8a91ece0c5b8ab3ecc2ec998f211b76b8b98f39fede33b4",
            "c381e0cc0b07f0df66782de27ac486f68dd3144e1a5ffd0266cb9efdecacc128"
        },
    };

    [Theory]
    [MemberData(nameof(Signed))]
    public void The_metadata_is_that_of_the_sdks_signer(string sdk, int globalData, bool tls, string configuration, string versions,
        string sha256, string mrenclave)
    {
        var release = new Version(sdk);
        int room = release >= new Version(2, 24) ? MetadataSize : 0x5000;
        byte[] file = UnsignedElf.File(release, globalData, room, tls ? 0x1234u : 0);
        using EnclaveImage unsigned = ImageReader.Read(ByteSource.FromBytes(file));
        Assert.True(IntelSdkLayout.IsMissing(unsigned));
        using EnclaveImage image = IntelSdkLayout.Make(unsigned, Configuration(configuration), release < new Version(2, 6) ? sdk : null);
        Assert.False(IntelSdkLayout.IsMissing(image));
        Assert.Equal(versions,
            string.Join(' ', image.Variants.Select(variant => variant.Name.Replace("metadata ", "", StringComparison.Ordinal))));
        foreach (EnclaveVariant variant in image.Variants)
        {
            Assert.Equal(mrenclave, EnclaveMeasurer.Measure(image, variant).Text);
        }

        Assert.Equal(sha256, Convert.ToHexStringLower(SHA256.HashData(Metadata(image, room))));
    }

    [Fact]
    public void What_is_there_already_is_written_over()
    {
        using EnclaveImage unsigned = Open(new Version(2, 26), 1768);
        using EnclaveImage first = IntelSdkLayout.Make(unsigned, Configuration("<TCSNum>9</TCSNum>"));
        using EnclaveImage second = IntelSdkLayout.Make(first, IntelSdkConfiguration.Default);
        using EnclaveImage straight = IntelSdkLayout.Make(unsigned, IntelSdkConfiguration.Default);
        Assert.Equal(straight.Source.ReadBytes(0, (int)straight.Source.Length), second.Source.ReadBytes(0, (int)second.Source.Length));
    }

    // 2.16 was released with tcs_num in global_data_t, and its tagged source has not got it.
    [Theory]
    [InlineData("2.16", 1680)]
    [InlineData("2.16", 1688)]
    [InlineData("2.18.1", 1688)]
    [InlineData("2.28", 1768)]
    public void A_release_is_known_by_the_size_too(string sdk, int globalData)
    {
        using EnclaveImage unsigned = Open(new Version(sdk), globalData);
        using EnclaveImage image = IntelSdkLayout.Make(unsigned, IntelSdkConfiguration.Default);
        Assert.Contains(new Detail("laid out as", $"SDK {sdk}"), image.Details);
    }

    [Theory]
    [InlineData("2.26", 1760, null, "not that of a release")]
    [InlineData("2.4", 1488, null, "does not say which release")]
    [InlineData("2.4", 1488, "2.6", "that of SDK 2.6 has 1632")]
    [InlineData("2.4", 1488, "2.2", "sign it once with that SDK's sgx_sign")]
    [InlineData("2.4", 1488, "two", "is no release of the SDK")]
    [InlineData("2.29", 1800, null, "a release that is not known")]
    public void A_release_that_is_not_known_is_refused(string sdk, int globalData, string? told, string words)
    {
        using EnclaveImage unsigned = Open(new Version(sdk), globalData);
        string message = Assert.Throws<ImageException>(() => IntelSdkLayout.Make(unsigned, IntelSdkConfiguration.Default, told)).Message;
        Assert.Contains(words.Replace("not that of a release", "a release that is not known", StringComparison.Ordinal), message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<StackMaxSize>0x40001</StackMaxSize>", "StackMaxSize is no whole number of pages")]
    [InlineData("<StackMinSize>0x80000</StackMinSize>", "StackMinSize is more than StackMaxSize")]
    [InlineData("<HeapMaxSize>0x1000</HeapMaxSize><HeapMinSize>0x2000</HeapMinSize>", "HeapMinSize is more than HeapMaxSize")]
    [InlineData("<HeapInitSize>0x2000000</HeapInitSize>", "HeapInitSize is more than HeapMaxSize")]
    [InlineData("<ReservedMemMinSize>0x1000</ReservedMemMinSize>", "ReservedMemMinSize is more than")]
    [InlineData("<TCSNum>4</TCSNum><TCSMaxNum>3</TCSMaxNum>", "TCSMaxNum is less than TCSNum")]
    [InlineData("<TCSMinPool>3</TCSMinPool>", "TCSMinPool is more than all threads")]
    [InlineData("<HW>1</HW>", "HW and LaunchKey go together")]
    [InlineData("<ISVFAMILYID_H>1</ISVFAMILYID_H>", "need EnableKSS")]
    [InlineData("<EnclaveImageAddress>0x1000</EnclaveImageAddress>", "need ELRangeSize")]
    [InlineData("<ELRangeSize>0x3000</ELRangeSize>", "no power of two")]
    [InlineData("<ELRangeSize>0x1000</ELRangeSize>", "does not fit the ELRANGE")]
    [InlineData("<UserRegionSize>0x1000</UserRegionSize>", "UserRegionSize needs bit 0 of MiscSelect")]
    [InlineData("<EnableIPPFIPS>1</EnableIPPFIPS>", "for sgx_sign only")]
    [InlineData("<HeapMaxSize>0x7ffffffffffff000</HeapMaxSize>", "HeapMaxSize is more than any enclave has")]
    [InlineData("<TCSNum>0xffffffff</TCSNum><StackMaxSize>0xffffffff000</StackMaxSize>", "more than any enclave has")]
    public void A_configuration_that_cannot_be_is_refused(string configuration, string words)
    {
        using EnclaveImage unsigned = Open(new Version(2, 26), 1768);
        Assert.Contains(words, Assert.Throws<ImageException>(() => IntelSdkLayout.Make(unsigned, Configuration(configuration))).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<PKRU>1</PKRU>", "PKRU")]
    [InlineData("<ELRangeSize>0x10000000</ELRangeSize>", "ELRangeSize")]
    public void What_is_newer_than_the_SDK_is_refused(string configuration, string name)
    {
        using EnclaveImage unsigned = Open(new Version(2, 13), 1656);
        Assert.Contains($"{name} of the configuration is newer than SDK 2.13",
            Assert.Throws<ImageException>(() => IntelSdkLayout.Make(unsigned, Configuration(configuration))).Message,
            StringComparison.Ordinal);
    }

    // sgx_sign 2.4 says "out of memory" to the same.
    [Fact]
    public void The_layout_table_of_a_release_has_its_end()
    {
        using EnclaveImage unsigned = Open(new Version(2, 4), 1488);
        IntelSdkConfiguration many =
            Configuration(
                "<TCSNum>10</TCSNum><TCSMinPool>3</TCSMinPool><HeapMaxSize>0x100000</HeapMaxSize><HeapInitSize>0x40000</HeapInitSize>");
        Assert.Contains("needs 39 layout entries", Assert.Throws<ImageException>(() => IntelSdkLayout.Make(unsigned, many, "2.4")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Room_that_is_too_small_is_refused()
    {
        using EnclaveImage unsigned = ImageReader.Read(ByteSource.FromBytes(UnsignedElf.File(new Version(2, 26), 1768, metadata: 0x1000)));
        Assert.Contains("has room for 4096",
            Assert.Throws<ImageException>(() => IntelSdkLayout.Make(unsigned, IntelSdkConfiguration.Default)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Other_files_are_not_laid_out()
    {
        using EnclaveImage sgxs = ImageReader.Read(ByteSource.FromBytes(OtherFiles.Sgxs()));
        Assert.False(IntelSdkLayout.IsMissing(sgxs));
        Assert.Throws<ImageException>(() => IntelSdkLayout.Make(sgxs, IntelSdkConfiguration.Default));
    }

    private static IntelSdkConfiguration Configuration(string elements) =>
        IntelSdkConfiguration.Parse($"<EnclaveConfiguration>{elements}</EnclaveConfiguration>");

    private static EnclaveImage Open(Version sdk, int globalData)
        => ImageReader.Read(ByteSource.FromBytes(UnsignedElf.File(sdk, globalData, sdk >= new Version(2, 24) ? MetadataSize : 0x5000)));

    // With the SIGSTRUCTs that would be signed in their places, but for what is the key's, and the day's.
    private static byte[] Metadata(EnclaveImage image, int room)
    {
        byte[] file = image.Source.ReadBytes(0, (int)image.Source.Length);
        int start = file.AsSpan().IndexOf("sgx_metadata\0"u8) + 13;
        foreach (EnclaveVariant variant in image.Variants)
        {
            Cloister.Architecture.Sigstruct prepared =
                EnclaveSigner.Prepare(image, variant, EnclaveSigner.DefaultParameters(variant), new DateOnly(2030, 1, 2));
            byte[] bytes = SigstructText.Bytes(in prepared).ToArray();
            bytes.AsSpan(20, 4).Clear();
            bytes.AsSpan(128, 772).Clear();
            bytes.AsSpan(1028, 780).Clear();
            bytes.CopyTo(file, (int)variant.SigstructPlace!);
        }

        return file[start..(start + room)];
    }
}
