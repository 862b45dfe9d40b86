using Cloister.Processor.Tests.Harness;
using FsCheck;
using FsCheck.Fluent;

namespace Cloister.Processor.Tests;

public class LeafSequenceTests
{
    private static readonly Arbitrary<(int Leaf, int First, int Second)[]> Sequences
        = (from length in Gen.Choose(1, 120)
           from steps in Gen.ArrayOf(
               from leaf in Gen.Choose(0, LeafSequence.Leaves - 1)
               from first in Gen.Choose(0, 1 << 16)
               from second in Gen.Choose(0, 1 << 16)
               select (leaf, first, second), length)
           select steps).ToArbitrary();

    [Fact]
    public void Any_sequence_of_leaves_keeps_the_map_consistent_and_a_refusal_changes_nothing()
        => Check.One(Config.QuickThrowOnFailure.WithMaxTest(150), Prop.ForAll(Sequences, steps =>
        {
            var sequence = new LeafSequence();
            foreach ((int leaf, int first, int second) in steps)
            {
                sequence.Step(leaf, first, second);
            }
        }));

    [Fact]
    public void The_sequences_reach_success_and_refusal_of_every_leaf()
    {
        // A property over sequences that refuse everything would prove nothing. The seed makes this the same each time.
        var outcomes = new Dictionary<string, int>();
        var random = new Random(20240607);
        for (int run = 0; run < 60; run++)
        {
            var sequence = new LeafSequence();
            for (int step = 0; step < 150; step++)
            {
                sequence.Step(random.Next(LeafSequence.Leaves), random.Next(1 << 16), random.Next(1 << 16));
            }

            foreach ((string outcome, int count) in sequence.Outcomes)
            {
                outcomes[outcome] = outcomes.GetValueOrDefault(outcome) + count;
            }
        }

        string[] leaves = ["ECREATE", "EADD", "EAUG", "EREMOVE", "EBLOCK", "ETRACK", "EWB", "ELDU", "ELDB", "EMODPR", "EMODT", "EPA",
            "EACCEPT", "EMODPE", "EACCEPTCOPY", "EENTER", "EEXIT", "ERESUME"];
        Assert.All(leaves, leaf =>
        {
            Assert.True(outcomes.GetValueOrDefault($"{leaf} Success") > 0, $"{leaf} never succeeds");
            Assert.True(outcomes.GetValueOrDefault($"{leaf} Error") + outcomes.GetValueOrDefault($"{leaf} Fault") > 0,
                $"{leaf} is never refused");
        });
    }
}
