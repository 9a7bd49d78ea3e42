"""Started by the Lambda interpreter: makes the process die with LocalStack, then hands over to
AWS's runtime client. Arguments: LocalStack's process id, the handler.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    localstack, handler = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(localstack):  # it died before we could ask to be told
        sys.exit("LocalStack is gone")

    # of the Lambda interpreter's environment, which the type checker does not see
    from awslambdaric.__main__ import main  # type: ignore[import-not-found]

    main(["awslambdaric", handler])
