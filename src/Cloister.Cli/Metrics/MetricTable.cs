namespace Cloister.Cli.Metrics;

/// <summary>All that is measured.</summary>
internal static class MetricTable
{
    private const string Enclave = "sgx.enclave.id";

    public static readonly Metric
        Target = new("target.info", MetricKind.Gauge, "", "What run it is", "service.name", "service.version", "process.pid",
            "cloister.engine", "cloister.isolation", "cloister.interface"),
        Uptime = new("process.uptime", MetricKind.Gauge, "s", "Since the program began"),
        Processes = new("cloister.processes", MetricKind.Gauge, "{process}", "Processes of the program"),
        Stops = new("cloister.stops", MetricKind.Counter, "{stop}", "Times a thread was stopped for the machine", "cloister.stop.reason"),
        EpcLimit = new("sgx.epc.limit", MetricKind.Gauge, "By", "Size of the EPC"),
        EpcUsage = new("sgx.epc.usage", MetricKind.Gauge, "By", "EPC by state", "sgx.epc.state"),
        EpcOperations = new("sgx.epc.page.operations", MetricKind.Counter, "{page}",
            "Pages added by EADD and EAUG, removed by the program, evicted by EWB, loaded by ELDU", "sgx.epc.operation"),
        Backing = new("sgx.epc.backing.usage", MetricKind.Gauge, "By", "Pages that are written out"),
        Faults = new("sgx.paging.faults", MetricKind.Counter, "{fault}", "Page faults that the driver handled"),
        Ioctls = new("sgx.ioctls", MetricKind.Counter, "{call}", "Calls of ioctl on the devices"),
        ForcedExits = new("sgx.forced_exits", MetricKind.Counter, "{exit}", "Times all threads were made to leave an enclave"),
        Enclaves = new("sgx.enclaves", MetricKind.Gauge, "{enclave}", "Enclaves by state", "sgx.enclave.state"),
        EnclaveInfo = new("sgx.enclave.info", MetricKind.Gauge, "", "What enclave it is", Enclave, "sgx.enclave.mrenclave",
            "sgx.enclave.mrsigner", "sgx.enclave.debug"),
        EnclaveUsage = new("sgx.enclave.epc.usage", MetricKind.Gauge, "By", "EPC that an enclave has, without its SECS", Enclave),
        EnclaveMemory = new("sgx.enclave.memory.usage", MetricKind.Gauge, "By",
            "Pages of an enclave, in the EPC and written out, without its SECS", Enclave),
        Inside = new("sgx.enclave.threads", MetricKind.Gauge, "{thread}", "Threads that are inside an enclave", Enclave),
        Transitions = new("sgx.enclave.transitions", MetricKind.Counter, "{transition}",
            "Leaves by which threads enter and leave an enclave", Enclave, "sgx.leaf", "cloister.stopped"),
        Exits = new("sgx.enclave.asynchronous_exits", MetricKind.Counter, "{exit}", "Asynchronous exits by cause", Enclave,
            "sgx.exit.cause"),
        EnclaveOperations = new("sgx.enclave.page.operations", MetricKind.Counter, "{page}", "As sgx.epc.page.operations, of an enclave",
            Enclave, "sgx.epc.operation"),
        EnclaveFaults = new("sgx.enclave.paging.faults", MetricKind.Counter, "{fault}",
            "Page faults on an enclave's pages that the driver handled", Enclave),
        Operations = new("sgx.operation.duration", MetricKind.Histogram, "s",
            "What took time: ioctls, page faults by their outcome, time inside from entry to exit", "sgx.operation"),
        Errors = new("sgx.operation.errors", MetricKind.Counter, "{error}", "How many of those failed", "sgx.operation");

    /// <summary>In the order in which they are told.</summary>
    public static IReadOnlyList<Metric> All =>
    [
        Target, Uptime, Processes, Stops, EpcLimit, EpcUsage, EpcOperations, Backing, Faults, Ioctls, ForcedExits, Enclaves,
        EnclaveInfo, EnclaveUsage,
        EnclaveMemory, Inside, Transitions, Exits, EnclaveOperations, EnclaveFaults, Operations, Errors,
    ];
}
