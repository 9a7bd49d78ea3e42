"""Lambda layers: every function sees its layers merged, in order, as one folder (AWS's /opt)."""

import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from localstack.services.lambda_.invocation.lambda_models import LayerVersion

_LOCK = threading.Lock()


def merged(layers: Sequence[LayerVersion]) -> Path:
    """The folder that holds these layers; functions with the same layers share it.

    It is named by where the layers lie, which differs for each version of one (the hash of the code
    says nothing when LocalStack reads a folder of ours), and it holds hard links, so that it costs
    nothing and outlives the layer's deletion, as functions do on AWS.
    """
    places = "\n".join(str(layer.code.get_unzipped_code_location()) for layer in layers)
    digest = hashlib.sha256(places.encode())
    target = Path(tempfile.gettempdir()) / "lambda" / "opt" / digest.hexdigest()
    with _LOCK:
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            building = Path(tempfile.mkdtemp(dir=target.parent))
            for layer in layers:
                layer.code.prepare_for_execution()
                shutil.copytree(
                    layer.code.get_unzipped_code_location(),
                    building,
                    copy_function=_link_over,
                    dirs_exist_ok=True,
                )
            building.rename(target)
    return target


def _link_over(source: str, target: str) -> None:
    """A later layer wins over an earlier one."""
    Path(target).unlink(missing_ok=True)
    os.link(source, target)
