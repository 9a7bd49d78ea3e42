"""The stand-in where no Redis server can be had; the argument is its port."""

import sys

from fakeredis import TcpFakeServer

from goldalert_local.processes import HOST

if __name__ == "__main__":
    TcpFakeServer((HOST, int(sys.argv[1])), server_type="redis").serve_forever()
