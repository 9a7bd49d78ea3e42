"""The Lambda function of these tests: it does what the event says."""

import os
import socket
import sys


def handler(event, context):
    match event.get("do"):
        case "exit":
            os._exit(event["status"])
        case "fail":
            raise ValueError(event["message"])
        case "hang":
            meet(event["port"])
        case "eat":
            eaten = bytearray(event["megabytes"] * 2**20)
            meet(event["port"])
            return len(eaten)
        case "fill":
            return "x" * event["bytes"]
        case "say":
            print(event["words"])
        case "meet":
            return meet(event["port"])
        case "import":
            return __import__(event["module"]).NAME
    return {
        "pid": os.getpid(),
        "environment": dict(os.environ),
        "path": sys.path,
        "remaining": context.get_remaining_time_in_millis(),
        "request": context.aws_request_id,
    }


def meet(port):
    """Tell the test that we are here, and stay until it lets us go."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"%d\n" % os.getpid())
        connection.recv(1)
    return os.getpid()
