using System.Collections.Concurrent;
using System.Text;
using Cloister.Architecture;
using Cloister.Driver;
using Cloister.Processor;

namespace Cloister.Cli;

/// <summary>What manuals and headers call what the machine does. Each text is made once.</summary>
internal static class MachineNames
{
    private static readonly ConcurrentDictionary<EncluLeaf, string> s_enclu = [];
    private static readonly ConcurrentDictionary<EnclsLeaf, string> s_encls = [];
    private static readonly ConcurrentDictionary<SgxError, string> s_errors = [];
    private static readonly ConcurrentDictionary<int, string> s_signals = [], s_errnos = [];
    private static readonly ConcurrentDictionary<(SecinfoFlags Flags, bool Blocked), string> s_entries = [];

    private static readonly string[] s_signalNames =
    [
        "0", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2",
        "SIGPIPE", "SIGALRM",
        "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ",
        "SIGVTALRM", "SIGPROF", "SIGWINCH",
        "SIGIO", "SIGPWR", "SIGSYS",
    ];

    /// <summary>building, initialized, dead, or suspended after a loss of power.</summary>
    public static string StateOf(IOpenEnclave enclave) => enclave.IsDead ? "dead" : enclave.IsSuspended ? "suspended"
        : enclave.IsInitialized ? "initialized" : "building";

    /// <summary>EENTER and its like.</summary>
    public static string Of(EncluLeaf leaf) =>
        s_enclu.GetOrAdd(leaf, static known => Enum.IsDefined(known) ? known.ToString().ToUpperInvariant() : $"ENCLU[{(uint)known:x}]");

    /// <summary>EADD and its like.</summary>
    public static string Of(EnclsLeaf leaf) => s_encls.GetOrAdd(leaf, static known => known.ToString().ToUpperInvariant());

    /// <summary>SGX_NOT_TRACKED and its like.</summary>
    public static string Of(SgxError error) => s_errors.GetOrAdd(error, static known => "SGX_" + Snake(known.ToString()));

    /// <summary>An order, as it is written behind <c>--inject</c>.</summary>
    public static string Of(InjectedFailure order) => order.Leaf is { } leaf ? Of(leaf) : order.ToString();

    /// <summary>An order about a leaf, as it is written behind <c>--inject</c>.</summary>
    public static string Of(InjectedLeaf order) =>
        $"leaf={(order.Encls is { } encls ? Of(encls) : Of(order.Enclu!.Value))}:error={Of(order.Error)}:when={Occasions.TextOf(order.First, order.Last)}";

    /// <summary>SIGSEGV and its like. signal(7).</summary>
    public static string OfSignal(int signal) =>
        s_signals.GetOrAdd(signal, static number => number >= 0 && number < s_signalNames.Length ? s_signalNames[number] : $"SIG{number}");

    /// <summary>EINVAL and its like, for a number as errno has it.</summary>
    public static string OfErrno(int errno) => s_errnos.GetOrAdd(errno, static number => ((Linux.Errno)number).ToString());

    /// <summary>What a system call returned: a number, or an errno's name with a minus.</summary>
    public static string OfResult(long result) => result is < 0 and >= -4095 ? Minus((int)-result) : result == 0 ? "0" : $"0x{result:x}";

    /// <summary>#PF and its like.</summary>
    public static string Of(ExceptionVector vector) => vector switch
    {
        ExceptionVector.PageFault => "#PF",
        ExceptionVector.GeneralProtection => "#GP",
        ExceptionVector.InvalidOpcode => "#UD",
        ExceptionVector.DivideError => "#DE",
        ExceptionVector.Breakpoint => "#BP",
        ExceptionVector.Debug => "#DB",
        ExceptionVector.BoundRange => "#BR",
        ExceptionVector.AlignmentCheck => "#AC",
        ExceptionVector.X87FloatingPoint => "#MF",
        ExceptionVector.SimdFloatingPoint => "#XM",
        ExceptionVector.ControlProtection => "#CP",
        _ => vector.ToString(),
    };

    /// <summary>How a leaf ended: 0, an error's name or an exception's.</summary>
    public static string Of(in LeafResult result) => result.Status switch
    {
        LeafStatus.Success => "0",
        LeafStatus.Error => Of(result.Error),
        _ => Of(result.Fault.Vector),
    };

    /// <summary>A page's type.</summary>
    public static string Of(PageType type) => "PT_" + Snake(type.ToString());

    /// <summary>What the EPCM says of a page: type, permissions and state, as PT_REG rw- PENDING.</summary>
    public static string OfEntry(SecinfoFlags flags, bool blocked = false) => s_entries.GetOrAdd((flags, blocked), static entry =>
    {
        string type = Of((PageType)(((ulong)entry.Flags >> 8) & 0xff));
        string permissions = Permissions((int)(entry.Flags & SecinfoFlags.PermissionMask));
        return string.Join(' ', (string[])[type, permissions, .. StatesOf(entry.Flags, entry.Blocked)]);
    });

    /// <summary>What else pages' EPCM entries say: PENDING and its like.</summary>
    public static IEnumerable<string> StatesOf(EnclavePages pages) => StatesOf(pages.Secinfo, pages.IsBlocked);

    private static IEnumerable<string> StatesOf(SecinfoFlags flags, bool blocked)
    {
        (bool Has, string Name)[] all =
        [
            ((flags & SecinfoFlags.Pending) != 0, "PENDING"),
            ((flags & SecinfoFlags.Modified) != 0, "MODIFIED"),
            ((flags & SecinfoFlags.Pr) != 0, "PR"),
            (blocked, "BLOCKED"),
        ];
        return all.Where(one => one.Has).Select(one => one.Name);
    }

    /// <summary>Permissions by their letters: bits 0 to 2, which PROT_ and SECINFO.FLAGS have in one order.</summary>
    public static string Permissions(int bits) =>
        string.Concat((bits & 1) != 0 ? "r" : "-", (bits & 2) != 0 ? "w" : "-", (bits & 4) != 0 ? "x" : "-");

    private static string Minus(int errno) => s_errnos.GetOrAdd(-errno, static number => "-" + OfErrno(-number));

    private static string Snake(string name)
    {
        var text = new StringBuilder();
        foreach (char letter in name)
        {
            if (char.IsUpper(letter) && text.Length > 0)
            {
                _ = text.Append('_');
            }

            _ = text.Append(char.ToUpperInvariant(letter));
        }

        return text.ToString();
    }
}
