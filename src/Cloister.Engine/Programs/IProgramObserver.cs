using Cloister.Engine.Memory;
using Cloister.Linux;

namespace Cloister.Engine.Programs;

/// <summary>Hears how the program's threads and memories begin, stop and end, where the books of rooms above depend on it.</summary>
internal interface IProgramObserver
{
    /// <summary>A child has a memory that is a copy of another: gives what the engine knows of it. Nothing has run in it yet.</summary>
    /// <param name="parent">What it is a copy of.</param>
    /// <param name="child">The child's id.</param>
    AddressSpace Copy(AddressSpace parent, int child);

    /// <summary>How much of the device mappings in a list a memory has: it may be that of which the list's is a copy.</summary>
    int Likeness(List<MapsLine> lines, AddressSpace space);

    /// <summary>The first thread of such a memory is known. It has not run yet.</summary>
    /// <param name="child">The thread.</param>
    /// <param name="parent">What its memory is a copy of.</param>
    /// <param name="maker">The thread that made it; null when that is not known.</param>
    void Copied(TracedThread child, AddressSpace parent, TracedThread? maker);

    /// <summary>Where the program itself says whether a thread is inside an enclave; 0 where the model knows.</summary>
    ulong FlagOfInside(TracedThread thread);

    /// <summary>A process has a new image: at the return of its execve, before its first instruction.</summary>
    /// <param name="thread">Its one thread.</param>
    /// <param name="isFirst">Whether it is the program that Cloister was asked to run.</param>
    void ImageBegan(TracedThread thread, bool isFirst);

    /// <summary>A thread that ran stands now, wherever it was. Called before anybody looks where that is.</summary>
    void Halted(TracedThread thread);

    /// <summary>A thread that ran stands now and is to run on from there. Called after <see cref="Halted"/>.</summary>
    void Held(TracedThread thread);

    /// <summary>A thread was killed and executes nothing any more, though its end may not be told yet. May be called twice.</summary>
    void Gone(TracedThread thread);

    /// <summary>A thread's end is known. Called before <see cref="Gone"/>, once.</summary>
    void Ended(TracedThread thread);

    /// <summary>A thread will not get what it waits for: its process is killed.</summary>
    void Abandoned(TracedThread thread);

    /// <summary>The last process has left a memory.</summary>
    void Left(AddressSpace space);

    /// <summary>A process that is not in the books has ended, or never was: its descriptors may have been the last of a file.</summary>
    void DescriptorsMayBeGone();
}
