namespace Cloister.Cli.Debugging;

/// <summary>Where a register's bytes are.</summary>
internal enum RemoteRegisterPlace
{
    /// <summary>In the general registers, struct user_regs_struct.</summary>
    General,

    /// <summary>In the extended state, XSAVE's standard format.</summary>
    Extended,

    /// <summary>In the extended state, as the two-bit tags of FNSAVE.</summary>
    Tags,
}
