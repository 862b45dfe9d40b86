namespace Cloister.Cli.Debugging;

/// <summary>A register as gdb knows it.</summary>
/// <param name="Name">gdb's name.</param>
/// <param name="Bits">Its size in packets.</param>
/// <param name="Type">gdb's type of it.</param>
/// <param name="Feature">The part of the target description that it is in.</param>
/// <param name="Place">Where its bytes are.</param>
/// <param name="Offset">Of the first, in bytes.</param>
/// <param name="Component">The component of XSAVE that it belongs to, where it is of the extended state.</param>
internal sealed record RemoteRegister(string Name, int Bits, string Type, string Feature, RemoteRegisterPlace Place, int Offset,
    int Component = -1);
