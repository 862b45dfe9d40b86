namespace Cloister.Cli.Manual;

/// <summary>The variables that Cloister reads, for manual and reference.</summary>
internal static class EnvironmentVariables
{
    /// <summary>Of the command.</summary>
    public static IReadOnlyList<(string Name, string Meaning)> All { get; } =
    [
        ("CLOISTER_OPTIONS",
            "Options of `run`, as on the command line: blanks part the words, quotes and backslashes keep them together. They go before those of the configuration file, and the command line's go before them."),
        ("CLOISTER_CONFIG", "The configuration file, in place of the one in XDG_CONFIG_HOME. Empty: none."),
        ("XDG_CONFIG_HOME", "Where cloister/config, the configuration file, is. Default: ~/.config."),
        ("XDG_STATE_HOME", "Where cloister/platforms, a directory for each platform with its root key, is. Default: ~/.local/state."),
        ("XDG_RUNTIME_DIR",
            "Where cloister, the folder of the sockets by which runs are looked at, is, if it is this user's. Default: /tmp/cloister-UID takes its place."),
        ("NO_COLOR", "Not empty: no colours."),
        ("TERM", "dumb, or not set: no colours."),
        ("SOURCE_DATE_EPOCH", "Seconds since 1970: the day that `sign` puts into DATE, and that of the manual."),
        ("CLOISTER_DEBUG", "Not empty and not 0: everything about an error of Cloister's own is printed."),
        ("CLOISTER_DEBUGGER_GROUP", "What `cloister gdb` tells its run of the terminal that the two share. Not for use by hand."),
        ("CLOISTER_OCI_RUNTIME", "The OCI runtime that `cloister oci` hands over to. Default: runc, else crun."),
        ("CLOISTER_SGX_ENCLAVE",
            "1: the device plugin gave this container an enclave, which `cloister oci --allocated` looks at. It comes with sgx.intel.com/enclave."),
        ("CLOISTER_SGX_PROVISION", "The same of sgx.intel.com/provision."),
        ("NODE_NAME", "The node that `cloister device-plugin` labels, where --node names none. A pod has it by fieldRef: spec.nodeName."),
        ("KUBERNETES_SERVICE_HOST", "The cluster's API, with KUBERNETES_SERVICE_PORT. Every pod has both."),
        ("OTEL_EXPORTER_OTLP_ENDPOINT",
            "Where `run --metrics otlp` sends metrics. Default: http://localhost:4318. OTEL_EXPORTER_OTLP_METRICS_ENDPOINT goes before it, with its whole path. Without the option nothing is sent."),
        ("OTEL_EXPORTER_OTLP_HEADERS",
            "Headers of those requests, as in api-key=secret, several with commas; OTEL_EXPORTER_OTLP_TIMEOUT is how many milliseconds an answer may take, and OTEL_EXPORTER_OTLP_PROTOCOL may be http/protobuf. With METRICS_ behind OTLP_ they go before these."),
        ("OTEL_METRIC_EXPORT_INTERVAL", "How often that is, in milliseconds. Default: 60000."),
        ("OTEL_RESOURCE_ATTRIBUTES", "What those metrics say of what sends them beside its own, as in deployment.environment=test, several with commas; OTEL_SERVICE_NAME is service.name. Default: cloister."),
        ("DOTNET_EnableDiagnostics", "Not set: the runtime makes no sockets in /tmp for .NET's tools, or Cloister takes them away."),
    ];

    /// <summary>Of the scripts in Cloister's repository.</summary>
    public static IReadOnlyList<(string Name, string Meaning)> OfTheRepository { get; } =
    [
        ("CLOISTER_CONFIGURATION", "Which configuration the script `cloister` builds. Default: Release."),
        ("CLOISTER_BUILD",
            "How the script `cloister` builds, when it builds: native, readytorun or plain. Default: the first that works here. built: what is there was built of these sources, for a cache."),
        ("CLOISTER_TESTED", "The program that the command's tests run, in place of the one that was built with them."),
        ("CLOISTER_LIMITS", "What the script `cloister` tells the command of the limits that it raised. Not for use by hand."),
        ("CLOISTER_DISPATCH", "no: Cloister does as on a kernel whose threads have no Syscall User Dispatch, for tests."),
        ("CLOISTER_REGENERATE", "1: tests write the documents that are made from tables, in place of comparing them."),
        ("CLOISTER_FUZZ_SECONDS", "How long each test with damaged files runs."),
        ("CLOISTER_FUZZ_SEED", "A number that makes another damage in the tests of attestation."),
    ];
}
