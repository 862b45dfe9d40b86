namespace Cloister.Engine.Platforms;

/// <summary>When a program gets a seccomp filter. A filter is never taken away again.</summary>
internal enum FilterSet
{
    /// <summary>From its beginning: what it may do before it has opened the device.</summary>
    Base,

    /// <summary>When it has opened the device: what changes its mappings, asks about them, or concerns its descriptors.</summary>
    DeviceUser,

    /// <summary>When a signal of ours has met one that it blocks: what changes a thread's signal mask.</summary>
    SignalMasks,

    /// <summary>In place of all, as long as a program is not traced: what is asked of it by its listener.</summary>
    Untraced,

    /// <summary>In place of <see cref="Base"/> where bytes of files are replaced: each file that is mapped.</summary>
    MappedFiles,
}
