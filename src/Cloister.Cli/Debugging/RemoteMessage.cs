namespace Cloister.Cli.Debugging;

/// <summary>What a debugger sends.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Packet">The packet's bytes, unescaped; empty where it is none.</param>
internal readonly record struct RemoteMessage(RemoteMessageKind Kind, byte[] Packet);

/// <summary>What it can be.</summary>
internal enum RemoteMessageKind
{
    /// <summary>A packet.</summary>
    Packet,

    /// <summary>Ctrl-C: byte 3, outside of packets.</summary>
    Interrupt,

    /// <summary>Nothing more.</summary>
    Closed,
}
