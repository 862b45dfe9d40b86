using Cloister.Architecture;

namespace Cloister.Processor;

/// <summary>The layout of a state save area frame. SDM 3D, "State Save Area (SSA) Frame".</summary>
public static class StateSaveArea
{
    /// <summary>Bytes of the MISC region.</summary>
    public static int MiscSize(Miscselect miscselect)
        => (miscselect & (Miscselect.Exinfo | Miscselect.Cpinfo)) != 0 ? Exinfo.SizeInBytes : 0;

    /// <summary>The linear address of a frame.</summary>
    public static LinearAddress Frame(in Secs secs, in Tcs tcs, uint frame)
        => new LinearAddress(secs.BaseAddr) + tcs.Ossa + ((ulong)secs.SsaFrameSize * LinearAddress.PageSize * frame);

    /// <summary>The linear address of a frame's GPRSGX.</summary>
    public static LinearAddress FrameGprsgx(in Secs secs, in Tcs tcs, uint frame)
        => Frame(secs, tcs, frame) + ((ulong)secs.SsaFrameSize * LinearAddress.PageSize) - Gprsgx.SizeInBytes;
}
