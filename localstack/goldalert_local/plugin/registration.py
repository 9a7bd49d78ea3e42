"""The entry points by which LocalStack finds the plugin (see pyproject.toml).

Imports stay inside the functions: LocalStack loads this module before it has set itself up.
"""

from localstack.runtime import hooks
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class ProcessRuntimeExecutorPlugin(RuntimeExecutorPlugin):  # type: ignore[misc]  # untyped base
    """Chosen with LAMBDA_RUNTIME_EXECUTOR=process."""

    name = "process"

    def load(self, *_args: object, **_kwargs: object) -> type:
        from goldalert_local.plugin.executor import ProcessRuntimeExecutor

        return ProcessRuntimeExecutor


@hooks.on_infra_start(name="goldalert")  # type: ignore[untyped-decorator]
def install() -> None:
    """Install every part in order; the front door comes last, for it checks for the authorizers."""
    from goldalert_local.plugin import (
        authorizer,
        concurrency,
        front_door,
        gateway_responses,
        logs,
        polling,
        ses,
        shutdown,
    )

    shutdown.install()
    concurrency.install()
    authorizer.install()
    gateway_responses.install()
    polling.install()
    ses.install()
    logs.install()
    front_door.install()
