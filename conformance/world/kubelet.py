"""The kubelet's side of a device plugin, for device_plugin.sh. Names and numbers: kubernetes, k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1.

kubelet.py FOLDER ROUNDS: each round begins as a kubelet does, with a folder that it empties; then both resources register, list 110 devices, and one of each is
allocated. Prints what the containers get in the last round.
"""
import os
import queue
import sys
from concurrent import futures

import grpc

from calls import call, fields, message

folder, rounds = sys.argv[1], int(sys.argv[2])


class Registration(grpc.GenericRpcHandler):
    def __init__(self):
        self.seen = queue.Queue()

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self.register) if details.method == "/v1beta1.Registration/Register" else None

    def register(self, request, context):
        self.seen.put(fields(request))
        return b""


for _ in range(rounds):
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    registration = Registration()
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[registration])
    server.add_insecure_port("unix:" + os.path.join(folder, "kubelet.sock"))
    server.start()
    got = {}
    while len(got) < 2:
        request = registration.seen.get(timeout=30)
        assert request[1] == [b"v1beta1"], request
        resource = request[3][0].decode()
        with grpc.insecure_channel("unix:" + os.path.join(folder, request[2][0].decode())) as channel:
            stream = channel.unary_stream("/v1beta1.DevicePlugin/ListAndWatch")(b"", timeout=30)
            devices = [fields(device) for device in fields(next(stream))[1]]
            assert len(devices) == 110 and all(device[2] == [b"Healthy"] for device in devices), devices
            answer = call(channel, "/v1beta1.DevicePlugin/Allocate", [(1, [(1, devices[-1][1][0])])])
            try:
                call(channel, "/v1beta1.DevicePlugin/Allocate", [(1, [(1, "sgx-enclave-110")])])
                sys.exit("a device was allocated that there is not")
            except grpc.RpcError as error:
                assert error.code() == grpc.StatusCode.NOT_FOUND, error
            stream.cancel()
        (container,) = answer[1]
        container = fields(container)
        variables = [fields(one) for one in container[1]]
        got[resource] = [*(f"{one[1][0].decode()}={one[2][0].decode()}" for one in variables), *(fields(one)[1][0].decode() for one in container[5])]
    server.stop(None).wait()
for resource in sorted(got):
    print(resource, *got[resource])
