using System.Runtime.InteropServices;
using Cloister.Architecture;
using Cloister.Images;
using static Cloister.Host.Tests.Programs.TestCode;

namespace Cloister.Host.Tests.Programs;

/// <summary>Loads enclave files and says on the error stream, a line before and a line after each, what came of it.</summary>
internal static class FileLoads
{
    public const string Loads = "loads ", Ran = "ran", Refused = "refused: ";

    /// <summary>
    /// <c>load FILE...</c> loads each; <c>init FILE SIGSTRUCT...</c> builds the file's enclave each time and initialises it with the
    /// SIGSTRUCT of another file.
    /// </summary>
    public static int Run(string[] arguments)
    {
        bool other = arguments[0] == "init";
        foreach (string path in arguments[(other ? 2 : 1)..])
        {
            Console.Error.WriteLine(Loads + Path.GetFileName(path));
            try
            {
                using Enclave enclave = other ? Initialise(arguments[1], path) : Enclave.Load(path);
                ulong data = EnclaveFiles.DataOf(path);
                _ = enclave.Call(Id(Request.Add), enclave.At(data).Value, 40);
                Console.Error.WriteLine(enclave.Call(Id(Request.Add), enclave.At(data).Value, 2).Rdx == 42 ? Ran : "a wrong sum");
            }
            catch (Exception e) when (e is EnclaveException or ImageException)
            {
                Console.Error.WriteLine($"{Refused}{e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}");
            }
        }

        return 0;
    }

    private static Enclave Initialise(string path, string sigstructPath)
    {
        Sigstruct sigstruct = MemoryMarshal.Read<Sigstruct>(File.ReadAllBytes(sigstructPath));
        using var image = ImageReader.Open(path);
        Secs secs = EnclaveFileLoader.SecsOf(image.PreferredVariant, new EnclaveLoadOptions());
        return new Enclave(EnclaveLoader.Load(secs, image.PreferredVariant.Pages!, _ => sigstruct, EntryMethod.Automatic));
    }
}
