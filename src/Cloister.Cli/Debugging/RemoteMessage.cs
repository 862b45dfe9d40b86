namespace Cloister.Cli.Debugging;

/// <summary>What a debugger sends.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Packet">The packet's bytes, unescaped; empty where it is none.</param>
internal readonly record struct RemoteMessage(RemoteMessageKind Kind, byte[] Packet);
