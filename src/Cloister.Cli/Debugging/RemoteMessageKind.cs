namespace Cloister.Cli.Debugging;

/// <summary>What a debugger can send.</summary>
internal enum RemoteMessageKind
{
    /// <summary>A packet.</summary>
    Packet,

    /// <summary>Ctrl-C: byte 3, outside of packets.</summary>
    Interrupt,

    /// <summary>Nothing more.</summary>
    Closed,
}
