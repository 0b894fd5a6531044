"""A gRPC server for tests: methods of raw octets, each answer marked with the server's name.

    python3 grpc-server.fixture.py NAME        prints its port on the first line
"""
import signal
import sys
import threading
from concurrent import futures

import grpc

name = sys.argv[1].encode()


def unary(request, context):
    if request.startswith(b"fail "):
        context.abort(grpc.StatusCode[request[5:].decode()], "asked to fail")
    return name + b" " + request


def download(request, context):
    for index in range(int(request)):
        yield name + b" " + str(index).encode()


def upload(requests, context):
    pieces = list(requests)
    return name + b" " + b",".join(pieces)


def both(requests, context):
    for request in requests:
        yield name + b" " + request


handlers = {
    "Unary": grpc.unary_unary_rpc_method_handler(unary),
    "Download": grpc.unary_stream_rpc_method_handler(download),
    "Upload": grpc.stream_unary_rpc_method_handler(upload),
    "Both": grpc.stream_stream_rpc_method_handler(both),
}
server = grpc.server(futures.ThreadPoolExecutor(max_workers=32))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Echo", handlers),))
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(port, flush=True)
stopped = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopped.set())
stopped.wait()
server.stop(0)
