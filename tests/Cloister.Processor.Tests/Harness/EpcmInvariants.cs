using Cloister.Architecture;

namespace Cloister.Processor.Tests.Harness;

/// <summary>What must hold of the map after any sequence of leaves.</summary>
internal static class EpcmInvariants
{
    public static void Check(World world, IEnumerable<LogicalProcessor> processors)
    {
        int valid = 0;
        var children = new Dictionary<EpcPage, int>();
        foreach (EpcPage page in Pages(world).Where(page => world.Epcm(page).Valid))
        {
            valid++;
            EpcmEntry entry = world.Epcm(page);
            if (entry.PageType is PageType.Secs or PageType.Va)
            {
                CheckPageOfNobody(entry);
                continue;
            }

            CheckChild(world, page, entry);
            children[entry.EnclaveSecs] = children.GetValueOrDefault(entry.EnclaveSecs) + 1;
        }

        Assert.Equal(valid, world.Machine.ValidPages);
        foreach (EpcPage secs in Pages(world).Where(world.Machine.IsSecs))
        {
            Assert.Equal(children.GetValueOrDefault(secs), world.Machine.EnclaveOf(secs).ChildCount);
            Assert.Equal(world.Machine.SecsOf(secs).Attributes.Flags.HasFlag(AttributeFlags.Init),
                world.Machine.EnclaveOf(secs).Measurement is null);
        }

        CheckThreads(world, processors.Where(processor => processor.EnclaveMode).ToList());
    }

    private static IEnumerable<EpcPage> Pages(World world)
        => Enumerable.Range(0, world.Machine.Epcm.PageCount).Select(index => new EpcPage(index));

    private static void CheckPageOfNobody(EpcmEntry entry)
    {
        Assert.True(entry is { Pending: false, Modified: false, Pr: false, Blocked: false, Permissions: SecinfoFlags.None });
        Assert.True(entry.EnclaveSecs.IsNone);
        Assert.Equal(default, entry.EnclaveAddress);
    }

    private static void CheckChild(World world, EpcPage page, EpcmEntry entry)
    {
        Assert.True(entry.PageType is PageType.Reg or PageType.Tcs or PageType.Trim, $"{page} is of type {entry.PageType}");
        Assert.True(world.Machine.IsSecs(entry.EnclaveSecs), $"{page} has no owner");
        ref Secs secs = ref world.Machine.SecsOf(entry.EnclaveSecs);
        Assert.True(entry.EnclaveAddress.IsPageAligned && entry.EnclaveAddress.Value - secs.BaseAddr < secs.Size);
        Assert.False(entry.Pending && (entry.Modified || entry.PageType != PageType.Reg), $"{page} is pending and {entry.SecinfoFlags}");
        Assert.False(entry.Modified && entry.PageType == PageType.Reg, $"{page} is modified and regular");
        Assert.False(entry.Pr && entry.PageType != PageType.Reg, $"{page} is restricted and not regular");
        Assert.False(entry.PageType != PageType.Reg && entry.Permissions != SecinfoFlags.None, $"{page} is {entry.SecinfoFlags}");
        Assert.False(entry.W && !entry.R, $"{page} is writable and not readable");
        Assert.True(entry.TrackEpoch <= world.Machine.EnclaveOf(entry.EnclaveSecs).Epoch);
        if (entry is { PageType: PageType.Tcs, Modified: false })
        {
            Assert.True(world.Machine.TcsOf(page).Cssa <= world.Machine.TcsOf(page).Nssa);
        }
    }

    private static void CheckThreads(World world, List<LogicalProcessor> inside)
    {
        Assert.Equal(inside.Count, inside.Select(processor => processor.TcsPage).Distinct().Count());
        foreach (EpcPage secs in Pages(world).Where(world.Machine.IsSecs))
        {
            Assert.Equal(inside.Count(processor => processor.Secs == secs), world.Machine.EnclaveOf(secs).Inside.Count);
        }

        foreach (LogicalProcessor processor in inside)
        {
            Assert.True(world.Machine.IsSecs(processor.Secs));
            Assert.Equal(processor.Secs, world.Epcm(processor.TcsPage).EnclaveSecs);
            Assert.True(world.Epcm(processor.TcsPage).Valid && world.Machine.TcsOf(processor.TcsPage).State == 1);

            // An asynchronous exit must find the frame that entry found.
            foreach (EpcPage frame in processor.Frame.Xsave.Append(processor.Frame.Gprsgx))
            {
                Assert.True(world.Epcm(frame).Valid && world.Epcm(frame).EnclaveSecs == processor.Secs, $"the frame's {frame} is gone");
            }
        }
    }
}
