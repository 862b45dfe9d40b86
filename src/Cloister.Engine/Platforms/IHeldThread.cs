using Cloister.Linux;
using Cloister.Processor;

namespace Cloister.Engine.Platforms;

/// <summary>A thread of a program, as whoever answers for it sees it while it stands.</summary>
internal interface IHeldThread : IExtendedState
{
    /// <summary>Thread id.</summary>
    int Id { get; }

    /// <summary>Its process.</summary>
    HeldProcess Process { get; }

    /// <summary>It stands now.</summary>
    bool Stopped { get; }

    /// <summary>It stands, and what for was put back and is not answered yet.</summary>
    bool HasParkedStop { get; set; }

    /// <summary>It stands before a system call that was not made yet.</summary>
    bool AtSystemCall { get; }

    /// <summary>It waits for the child of a vfork, and cannot be made to stand.</summary>
    bool AwaitsVfork { get; }

    /// <summary>It was put elsewhere since it stopped: what stopped it is not about where it stands. Known until it runs on.</summary>
    bool WasMoved { get; set; }

    /// <summary>Whether an x87 exception is pending. SDM 1, "x87 FPU Status Register".</summary>
    bool HasX87Exception { get; }

    /// <summary>The registers; what is changed is written before it runs on.</summary>
    ref UserRegisters Registers { get; }

    /// <summary>The registers for reading only.</summary>
    ref readonly UserRegisters Peek();

    /// <summary>The signal at which it stands.</summary>
    Errno GetSignal(out SignalInformation information);

    /// <summary>The components of the extended state that were put into their initial configuration, if nothing else
    /// was done to it: the program will do it.</summary>
    ulong TakeInitialization();

    /// <summary>Makes system calls as if the thread made them, with all it shows given back.</summary>
    /// <returns>Their results: a result or minus an errno each.</returns>
    /// <exception cref="ThreadEndedException">It was killed meanwhile.</exception>
    long[] Make(RemoteCalls calls);
}
