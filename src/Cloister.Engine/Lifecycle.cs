using Cloister.Engine.Memory;
using Cloister.Engine.Programs;
using Cloister.Linux;

namespace Cloister.Engine;

/// <summary>Tells the rooms how the program's threads and memories begin and end.</summary>
internal sealed class Lifecycle(Tracer tracer) : IProgramObserver
{
    /// <inheritdoc/>
    public AddressSpace Copy(AddressSpace parent, int child)
    {
        AddressSpace copy = tracer.RealMappings.Copy(parent, child);
        tracer.Strict.Copied(parent, copy);
        parent.Planted.RemoveFrom(copy.Planted);
        return copy;
    }

    /// <inheritdoc/>
    public int Likeness(List<MapsLine> lines, AddressSpace space) => tracer.Files.Likeness(lines, space);

    /// <inheritdoc/>
    public void Copied(TracedThread child, AddressSpace parent, TracedThread? maker) => tracer.Fast.Copied(child, parent, maker);

    /// <inheritdoc/>
    public ulong FlagOfInside(TracedThread thread) => tracer.Fast.FlagOf(thread);

    /// <inheritdoc/>
    public void ImageBegan(TracedThread thread, bool isFirst)
    {
        ExecSetup.Prepare(tracer.Platform, thread, tracer.Options.Mode == Options.EngineMode.Fast,
            tracer.Options.Isolation == Options.IsolationMode.Strict, isFirst, tracer.Options.Cpuid,
            tracer.Notice);
        tracer.Replacer.Executed(thread);

        // The kernel lets go of the old image's files when the thread is back in user mode.
        tracer.Files.CheckLifetimes(null);
    }

    /// <inheritdoc/>
    public void Halted(TracedThread thread) => tracer.Fast.Normalise(thread);

    /// <inheritdoc/>
    public void Held(TracedThread thread) => tracer.Fast.Follow(thread);

    /// <inheritdoc/>
    public void Gone(TracedThread thread)
    {
        tracer.Fast.TellLast(thread);
        if (thread.Processor.EnclaveMode)
        {
            // Killed inside: an asynchronous exit that nothing resumes.
            thread.Processor.NoteExited(tracer.Machine);
        }

        tracer.Fast.Release(thread);
    }

    /// <inheritdoc/>
    public void Ended(TracedThread thread)
    {
        tracer.Accepts.Forget(thread);
        tracer.Ioctls.Abandon(thread);
        tracer.Faults.Forget(thread);
        tracer.Illegal.Forget(thread);
        tracer.Steps.Forget(thread);
        tracer.PlaceInterrupts.Forget(thread);
    }

    /// <inheritdoc/>
    public void Abandoned(TracedThread thread) => tracer.Ioctls.Abandon(thread);

    /// <inheritdoc/>
    public void Left(AddressSpace space)
    {
        tracer.Driver.AddressSpaceReleased(space);
        tracer.Files.Forget(space);
        tracer.Fast.Forget(space);
        tracer.Strict.Forget(space);
    }

    /// <inheritdoc/>
    public void DescriptorsMayBeGone()
    {
        using (tracer.Gates.Shut(null))
        {
            tracer.Files.CheckLifetimes(null);
        }
    }
}
