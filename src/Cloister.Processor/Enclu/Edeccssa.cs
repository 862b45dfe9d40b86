using Cloister.Architecture;

namespace Cloister.Processor.Enclu;

/// <summary>ENCLU[EDECCSSA]: goes back to the previous state save area frame without leaving. SDM 3D, EDECCSSA.</summary>
public static class Edeccssa
{
    /// <summary>Executes the leaf.</summary>
    public static LeafResult Execute(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory, IExtendedState extendedState)
    {
        if (LeafSteps.Refuse(machine, processor, EncluLeaf.Edeccssa) is { } refusal)
        {
            return refusal;
        }

        LinearAddress address = processor.Tcs;
        LeafResult result = Run(machine, processor, memory);
        if (result.IsSuccess)
        {
            LeafSteps.Advance(processor.Registers);
        }

        return LeafSteps.Tell(machine, processor, EncluLeaf.Edeccssa, address, result);
    }

    private static LeafResult Run(SgxMachine machine, LogicalProcessor processor, ILinearMemory memory)
    {
        // SDM 3D, EDECCSSA: CSSA is 0.
        var operand = TcsOperand.Of(machine, processor.TcsPage);
        ref Tcs tcs = ref operand.Tcs;
        if (tcs.Cssa == 0)
        {
            return machine.Refuse(LeafRule.FrameUsed, tcs.Cssa);
        }

        // SDM 3D, EDECCSSA: the pages of the previous frame.
        var previous = new FramePages();
        if (FrameSearch.Find(previous, machine, memory, operand, tcs.Cssa - 1) is { } fault)
        {
            return LeafResult.Of(fault);
        }

        tcs.Cssa--;
        processor.Frame.CopyFrom(previous);
        return LeafResult.Success;
    }
}
