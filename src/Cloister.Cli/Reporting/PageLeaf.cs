namespace Cloister.Cli.Reporting;

/// <summary>What changes a page.</summary>
internal enum PageLeaf : byte
{
    /// <summary>Adds a page before EINIT.</summary>
    Eadd,

    /// <summary>Adds a page after EINIT.</summary>
    Eaug,

    /// <summary>Accepts what the system did to it.</summary>
    Eaccept,

    /// <summary>Accepts a page with the content of another.</summary>
    Eacceptcopy,

    /// <summary>Extends its permissions.</summary>
    Emodpe,

    /// <summary>Restricts its permissions.</summary>
    Emodpr,

    /// <summary>Changes its type.</summary>
    Emodt,

    /// <summary>Blocks it, before it is written out.</summary>
    Eblock,

    /// <summary>Writes it out.</summary>
    Ewb,

    /// <summary>Brings it back.</summary>
    Eldu,

    /// <summary>Brings it back, blocked.</summary>
    Eldb,

    /// <summary>ELDU for virtual machines.</summary>
    Elduc,

    /// <summary>ELDB for virtual machines.</summary>
    Eldbc,

    /// <summary>Takes it out for good.</summary>
    Eremove,

    /// <summary>No leaf: the machine lost power, and all pages with it.</summary>
    PowerLoss,
}
