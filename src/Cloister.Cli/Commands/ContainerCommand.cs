using System.CommandLine;

namespace Cloister.Cli.Commands;

/// <summary><c>cloister oci</c>: an OCI runtime.</summary>
internal static class ContainerCommand
{
    /// <summary>Its entry in the table of commands; what is behind the word is the runtime's own command line, read elsewhere.</summary>
    public static Command Create()
    {
        var command = new Command("oci", """
            Be an OCI runtime, for podman, Docker, containerd and Kubernetes: every container's program runs on the machine.
            It changes a bundle's config.json, so that `cloister run` stands before the container's program, and becomes runc or crun
            (or what --runtime or CLOISTER_OCI_RUNTIME names). Called by the name cloister-oci the program is the same.
            Annotations cloister.dev/OPTION are options of `cloister run`: cloister.dev/epc, cloister.dev/engine, cloister.dev/seed.

            Examples:
              podman --runtime /usr/bin/cloister-oci run --rm IMAGE PROGRAM
              cloister oci --runtime crun run --bundle BUNDLE NAME
            """)
        {
            new Option<FileInfo?>("--runtime")
            {
                Description = "The runtime that makes the container. Default: runc, else crun.",
                HelpName = "PATH",
            },
            new Option<bool>("--allocated")
            {
                Description = "Only for containers that the device plugin gave an enclave: for a node's default runtime.",
            },
            new Argument<string[]>("ARGUMENTS") { Description = "A runtime's command line." },
        };
        command.SetAction(_ => Failure.Internal);
        return command;
    }
}
