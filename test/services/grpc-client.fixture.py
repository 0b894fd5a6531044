"""A gRPC client for tests: calls until its time is over, and says in JSON how they ended.

    python3 grpc-client.fixture.py TARGET AUTHORITY SECONDS [CERTIFICATE]
    python3 grpc-client.fixture.py TARGET AUTHORITY status CODE...
"""
import json
import sys
import threading
import time

import grpc

target, authority, mode = sys.argv[1:4]
options = [("grpc.default_authority", authority), ("grpc.ssl_target_name_override", authority)]


def channel_of(certificate):
    if certificate is None:
        return grpc.insecure_channel(target, options)
    with open(certificate, "rb") as file:
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(file.read()), options)


def statuses(codes):
    """What the client sees of calls that the server ends with these codes."""
    call = channel_of(None).unary_unary("/test.Echo/Unary")
    seen = {}
    for code in codes:
        try:
            call(b"fail " + code.encode(), timeout=20)
            seen[code] = "OK"
        except grpc.RpcError as error:
            seen[code] = error.code().name
    print(json.dumps(seen))


def main():
    if mode == "status":
        statuses(sys.argv[4:])
        return
    channel = channel_of(sys.argv[4] if len(sys.argv) > 4 else None)
    until = time.monotonic() + float(mode)
    told = {"calls": 0, "messages": 0, "servers": {}, "faults": []}
    lock = threading.Lock()

    def check(answers, wanted):
        """All of one call comes from one server, whole and in order."""
        names = {answer.split(b" ", 1)[0].decode() for answer in answers}
        contents = [answer.split(b" ", 1)[1] for answer in answers]
        with lock:
            told["calls"] += 1
            told["messages"] += len(answers)
            for name in names:
                told["servers"][name] = told["servers"].get(name, 0) + 1
            if len(names) > 1:
                told["faults"].append("mixed: %s" % sorted(names))
            if contents != wanted:
                told["faults"].append("wanted %r, got %r" % (wanted[:3], contents[:3]))

    def unary(turn):
        body = b"%d " % turn + b"x" * (turn * 37 % 5000)
        check([channel.unary_unary("/test.Echo/Unary")(body, timeout=20)], [body])

    def download(turn):
        answers = list(channel.unary_stream("/test.Echo/Download")(b"%d" % (turn % 50 + 1), timeout=20))
        check(answers, [b"%d" % index for index in range(turn % 50 + 1)])

    def upload(turn):
        pieces = [b"%d" % index for index in range(turn % 50 + 1)]
        check([channel.stream_unary("/test.Echo/Upload")(iter(pieces), timeout=20)], [b",".join(pieces)])

    def both(turn):
        pieces = [b"%d" % index for index in range(20)]

        def slowly():
            for piece in pieces:
                time.sleep(0.01)
                yield piece

        check(list(channel.stream_stream("/test.Echo/Both")(slowly(), timeout=20)), pieces)

    def work(call):
        turn = 0
        while time.monotonic() < until:
            turn += 1
            try:
                call(turn)
            except grpc.RpcError as error:
                with lock:
                    told["faults"].append("%s: %s %s" % (call.__name__, error.code().name, error.details()))

    threads = [threading.Thread(target=work, args=(call,)) for call in (unary, download, upload, both) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told["faults"] = told["faults"][:10]
    print(json.dumps(told))


main()
