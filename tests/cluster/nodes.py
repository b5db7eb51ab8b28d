"""Three RabbitMQ nodes on one machine, each with ports and files of its own, in one cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from notifier.stack import Server
from notifier.stack import layout as layouts
from notifier.stack.layout import Layout, free_ports
from notifier.stack.process import HOST, wait_until
from notifier.stack.rabbitmq import EpmdRecipe, RabbitMqRecipe

_COUNT = 3
_START_TIMEOUT_S = 120
_SETTLE_TIMEOUT_S = 60


class NodeRecipe(RabbitMqRecipe):
    """The private stack's RabbitMQ as one of several that find each other by name."""

    def __init__(self, folder: Path, layout: Layout, peers: Sequence[str]):
        super().__init__(folder, layout)
        self.folder = folder
        self._peers = peers

    def prepare(self) -> None:
        super().prepare()
        peers = "".join(
            f"cluster_formation.classic_config.nodes.{number} = {peer}\n"
            for number, peer in enumerate(self._peers, start=1)
        )
        with open(self.folder / "rabbitmq.conf", "a") as configuration:
            configuration.write(
                f"cluster_formation.peer_discovery_backend = classic_config\n{peers}"
            )

    def environ(self) -> Mapping[str, str]:
        base = super().environ()
        # Three nodes share few processors: more schedulers would only wait for each other.
        arguments = f"{base['RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS']} +S 1:1"
        return {**base, "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": arguments}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node; `name` is what RabbitMQ calls it."""

    name: str
    server: Server
    amqp_url: str
    management_url: str

    def is_alive(self) -> bool:
        return self.server.status().pid is not None

    def ask(self, path: str) -> Any:
        """What the node's management API answers to a GET."""
        return httpx.get(f"{self.management_url}/api/{path}", timeout=10).raise_for_status().json()


class Cluster:
    """All calls block."""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True)
        first = layouts.create(folder)
        layout_of = _layouts(folder, first)
        founder, *joining = [layout.node for layout in layout_of.values()]
        # The founder is told of nobody: RabbitMQ 4 would wait for a second node to found it with.
        known = [[], *([founder, node] for node in joining)]
        self._epmd = Server(EpmdRecipe(folder, first))
        self.nodes = [
            _node(path, layout, peers)
            for (path, layout), peers in zip(layout_of.items(), known, strict=True)
        ]

    def start(self) -> None:
        """Return when every node serves and sees the others; those that run are left alone."""
        self._epmd.start()
        self.nodes[0].server.start()
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.server.start(), self.nodes[1:]))
        assert wait_until(self._is_whole, timeout_s=_SETTLE_TIMEOUT_S), "the nodes do not meet"

    def kill(self) -> None:
        for node in self.nodes:
            node.server.kill()
        self._epmd.kill()

    def living(self) -> list[Node]:
        return [node for node in self.nodes if node.is_alive()]

    def leader(self, queue: str) -> Node | None:
        """The living node that leads a quorum queue, as the first living node knows it."""
        living = self.living()
        leader = living[0].ask(f"queues/notifier/{queue}").get("leader")
        return next((node for node in living if node.name == leader), None)

    def until_complete(self, queues: Sequence[str]) -> None:
        """Return when every member of these quorum queues runs."""

        def are_complete() -> bool:
            node = self.living()[0]
            found = [node.ask(f"queues/notifier/{queue}") for queue in queues]
            return all(len(queue["online"]) == _COUNT for queue in found)

        assert wait_until(are_complete, timeout_s=_SETTLE_TIMEOUT_S), "members are missing"

    def _is_whole(self) -> bool:
        return all(_sees(node) == _COUNT for node in self.nodes)


def _sees(node: Node) -> int:
    """How many running nodes it knows, itself included; none while it still joins."""
    try:
        return sum(peer["running"] for peer in node.ask("nodes"))
    except httpx.HTTPStatusError:
        return 0


def _layouts(folder: Path, first: Layout) -> dict[Path, Layout]:
    """By folder: a name and ports of its own; port mapper, cookie and passwords in common."""
    ports = iter(free_ports(3 * _COUNT))
    return {
        folder / f"node{number}": replace(
            first,
            node=f"{number}-{first.node}",
            amqp_port=next(ports),
            management_port=next(ports),
            distribution_port=next(ports),
        )
        for number in range(1, _COUNT + 1)
    }


def _node(folder: Path, layout: Layout, peers: Sequence[str]) -> Node:
    user = f"notifier:{layout.amqp_password}"
    admin = f"admin:{layout.admin_password}"
    return Node(
        name=layout.node,
        server=Server(NodeRecipe(folder, layout, peers), start_timeout_s=_START_TIMEOUT_S),
        amqp_url=f"amqp://{user}@{HOST}:{layout.amqp_port}/notifier",
        management_url=f"http://{admin}@{HOST}:{layout.management_port}",
    )
