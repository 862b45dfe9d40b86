"""What a kubelet does with pods, for cri.sh: the device plugin's answer goes into a container that containerd makes by its CRI socket.

cri.py CONTAINERD KUBELET-FOLDER IMAGE LOGS PODS PROGRAMS. PODS is a folder that the API's side (api.py) reads pods from, PROGRAMS has those of
conformance/programs. Names and numbers: kubernetes, k8s.io/cri-api/pkg/apis/runtime/v1/api.proto.
"""
import atexit
import json
import os
import queue
import sys
import time
import urllib.request
from concurrent import futures

import grpc
import yaml

from calls import call, fields

socket, folder, image, logs, pods, programs = sys.argv[1:]
samples = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/kubernetes/samples")
channel = grpc.insecure_channel("unix:" + socket)
HOST = [(1, 2)]  # NamespaceOption: network = NODE; pid = POD is its default


def runtime(method, request):
    return call(channel, "/runtime.v1.RuntimeService/" + method, request)


def expect(what, seen, wanted):
    if not wanted(seen) if callable(wanted) else seen != wanted:
        sys.exit(f"{what}: {seen!r}" + ("" if callable(wanted) else f" in place of {wanted!r}"))


def allocated():
    """Registers the plugin, as a kubelet that starts does, and allocates an enclave: the variables that the container gets."""
    seen = queue.Queue()

    class Registration(grpc.GenericRpcHandler):
        def service(self, details):
            return grpc.unary_unary_rpc_method_handler(lambda request, _: seen.put(fields(request)) or b"")

    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Registration()])
    server.add_insecure_port(f"unix:{folder}/kubelet.sock")
    server.start()
    while (request := seen.get(timeout=30))[3] != [b"sgx.intel.com/enclave"]:
        pass
    with grpc.insecure_channel(f"unix:{folder}/{request[2][0].decode()}") as plugin:
        answer = call(plugin, "/v1beta1.DevicePlugin/Allocate", [(1, [(1, "sgx-enclave-0")])])
    server.stop(None).wait()
    return [(fields(one)[1][0], fields(one)[2][0]) for one in fields(answer[1][0])[1]]


class Pod:
    there = []

    def __init__(self, name, handler="", annotations=(), variables=(), command=("sleep", "1000000"), folder=None, mounts=()):
        self.mounts = [*mounts, *([(folder, "/shared", False)] if folder else [])]
        self.config = [(1, [(1, name), (2, name), (3, "default")]), (3, logs), *[(7, [(1, key), (2, value)]) for key, value in annotations], (8, [(2, [(1, HOST)])])]
        self.name, self.variables = name, variables
        self.id = runtime("RunPodSandbox", [(1, self.config), (2, handler)])[1][0]
        Pod.there.append(self)
        self.container = self.add("main", command)

    def add(self, name, command):
        """Another container, with the network of the host and the process namespace of the pod."""
        container = [
            (1, [(1, name)]),
            (2, [(1, image)]),
            *[(3, word) for word in command],
            *[(6, [(1, key), (2, value)]) for key, value in self.variables],
            *[(7, [(1, inside), (2, path), (3, read_only)]) for path, inside, read_only in self.mounts],
            (11, f"{self.name}-{name}.log"),
            # A user, no new privileges, and the runtime's own seccomp profile.
            (15, [(2, [(3, HOST), (5, [(1, 1000)]), (7, 1), (11, 1), (15, [])])]),
        ]
        try:
            made = runtime("CreateContainer", [(1, self.id), (2, container), (3, self.config)])[1][0]
            runtime("StartContainer", [(1, made)])
            return made
        except grpc.RpcError:
            self.remove()
            raise

    def look(self, *command, container=None):
        answer = runtime("ExecSync", [(1, container or self.container), *[(2, word) for word in command], (3, 30)])
        return b"".join(answer.get(1, []) + answer.get(2, [])).decode().strip()

    def said(self):
        with open(os.path.join(logs, self.name + "-main.log")) as file:
            return file.read().splitlines()

    def log(self):
        for _ in range(600):
            status = fields(runtime("ContainerStatus", [(1, self.container)])[1][0])
            if status[3] == [2]:
                break
            time.sleep(0.1)
        with open(os.path.join(logs, self.name + "-main.log")) as file:
            return file.read()

    def remove(self):
        Pod.there.remove(self)
        runtime("StopPodSandbox", [(1, self.id)])
        runtime("RemovePodSandbox", [(1, self.id)])


@atexit.register
def remove_all():
    """What an expectation that does not hold leaves."""
    for pod in list(Pod.there):
        pod.remove()


def refusal_of(made):
    try:
        made().remove()
    except grpc.RpcError as error:
        return error.details()
    return "it was made"


def refusal(*arguments, **words):
    return refusal_of(lambda: Pod(*arguments, **words))


# One of the lower runtime alone, so that what cannot be here is not taken for a fault of ours.
try:
    Pod("first", "lower").remove()
except grpc.RpcError as error:
    print("no pod can be made here:", error.details())
    sys.exit(77)

SEES = ("sh", "-c", "[ -c /dev/sgx_enclave ] && echo enclave || echo nothing")
EPC = "sgx.intel.com/epc"
device = allocated()

# Intel's convention, and no runtime class: who was given an enclave has the machine, with as much EPC as was asked for.
plain = Pod("plain")
expect("a pod that asked for nothing", plain.look(*SEES), "nothing")
sgx = Pod("sgx", annotations=[(EPC, "64Mi")], variables=device)
expect("a pod with an enclave", sgx.look(*SEES), "enclave")
said = Pod("said", annotations=[(EPC, "16Mi"), ("cloister.dev/stats", "json")], variables=device, command=("sh", "-c", "true"))
expect("its EPC", said.log(), lambda text: '"epcPagesTotal":4096,' in text)

# A runtime class, and nothing asked for.
of_class = Pod("of-class", "cloister")
expect("a pod of the runtime class", of_class.look(*SEES), "enclave")

# One machine for the containers of a pod, and for what is executed in them.
shared = os.path.join(folder, "shared")
os.mkdir(shared)
os.chmod(shared, 0o777)
pair = Pod("pair", "cloister", annotations=[("cloister.dev/machine", "/shared/machine"), ("cloister.dev/epc", "32M")], folder=shared)
while not os.path.exists(os.path.join(shared, "machine")):
    time.sleep(0.02)
second = pair.add("second", ("sleep", "1000000"))
tracer = ("sh", "-c", "read -r _ tracer <<END\n$(while read -r line; do case $line in TracerPid*) echo $line ;; esac; done </proc/self/status)\nEND\necho $tracer")
expect("one machine", pair.look(*tracer), lambda text: int(text) > 0)
expect("the second container", pair.look(*tracer, container=second), pair.look(*tracer))

# The node has 128 MiB, and the pods 80 of them.
text = refusal("more", annotations=[(EPC, "64Mi")], variables=device)
expect("beyond the EPC", text, lambda text: "cloister: sgx.intel.com/epc: the pod asks for 64M of EPC; this node has 128M, and other pods have 80M of it" in text)
expect("a wrong amount", refusal("wrong", annotations=[(EPC, "lots")], variables=device), lambda text: "sgx.intel.com/epc: lots is no amount of EPC" in text)
sgx.remove()
later = Pod("later", annotations=[(EPC, "64Mi")], variables=device)
expect("what was given back", later.look(*SEES), "enclave")
for pod in (plain, said, of_class, pair, later):
    pod.remove()

# A pod as it is written for hardware: by its file, without the webhook that writes its EPC down; the API knows how much it asks for.
with open(os.path.join(samples, "sgx.yaml")) as file:
    written = yaml.safe_load(file)


def by_file(name, changed=None, more=(), **words):
    """Makes the pod as a kubelet does that the scheduler gave it to."""
    specification = json.loads(json.dumps(written["spec"]))
    (container,) = specification["containers"]
    container["resources"]["limits"].update(changed or {})
    with open(os.path.join(pods, "default." + name), "w") as file:
        json.dump({"kind": "Pod", "spec": specification}, file)
    assert "runtimeClassName" not in specification
    given = device if int(container["resources"]["limits"]["sgx.intel.com/enclave"]) == 1 else ()
    return Pod(name, annotations=[*written["metadata"].get("annotations", {}).items(), *more], variables=given, **words)


sample = by_file("sample", command=written["spec"]["containers"][0]["command"])
expect("the sample's log", sample.log(), lambda text: {line.split(" F ")[-1] for line in text.splitlines()} == {"sgx"})
sample.remove()
expect("beyond the EPC, by file", refusal_of(lambda: by_file("large", {EPC: "256Mi"})), lambda text: "the pod asks for 256M of EPC; this node has 128M" in text)
expect("a wrong amount, by file", refusal_of(lambda: by_file("wrong", {EPC: "lots"})), lambda text: "the EPC of pod default/wrong: lots is no amount" in text)
os.unlink(os.path.join(pods, "default.wrong"))
expect("a pod that the API does not know", refusal("nobody", variables=device), lambda text: 'the EPC of pod default/nobody: the API answers 404: pods "nobody" not found' in text)

# It gets no more than it asked for, and what is written out shows in its metrics.
host = [(path, path, True) for path in ("/usr", "/lib", "/lib64", programs) if os.path.exists(path)]
small = by_file("small", {EPC: "3Mi"}, mounts=host, command=("sh", "-c", f"sleep 1000000 | {programs}/dumped_run"), more=[("cloister.dev/metrics", "127.0.0.1:0")])
for _ in range(300):
    place = [line.split()[-1] for line in small.said() if "metrics at" in line]
    if place and "sgx_epc" in (text := urllib.request.urlopen(place[0]).read().decode()) and " 3145728" in text:
        evicted = [float(line.split()[-1]) for line in text.splitlines() if line.startswith('sgx_epc_page_operations_total{sgx_epc_operation="evict"}')]
        if evicted and evicted[0] > 100:
            break
    time.sleep(0.1)
else:
    sys.exit(f"its metrics: {small.said()}")
small.remove()
expect("left", runtime("ListPodSandbox", []), {})
