using Cloister.Lab;
using Cloister.Linux;

namespace Cloister.Cli.Doctor;

/// <summary>A program with a small enclave is run, as <c>run</c> does it: what the single calls cannot tell.</summary>
internal static class TrialCheck
{
    private const string Key = "trial", Subject = "a small enclave";

    /// <summary>Runs it.</summary>
    public static DoctorFinding Make()
    {
        try
        {
            _ = new Experiment(new ExperimentOptions
            {
                Ways = [AllocationWay.Access],
                Patterns = [AllocationPattern.Every],
                Pages = 4,
                Repeats = 0,
                Program = OwnProgram.OfExperiments,
            }).Run();
            return new DoctorFinding(FindingKind.Good, Key, Subject, "built, entered and grown",
                "a program was run on the machine to see it");
        }
        catch (LinuxException e)
        {
            return new DoctorFinding(FindingKind.Fatal, Key, Subject, e.Message, Failure.Explain(e).Message);
        }
        catch (ExperimentException e)
        {
            return new DoctorFinding(FindingKind.Fatal, Key, Subject, "failed", e.Message);
        }
    }
}
