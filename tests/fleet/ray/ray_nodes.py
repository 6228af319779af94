"""A Ray cluster for tests, as a process of its own: nodes come and go by lines on its standard input, and all go at
its end.

A line "add ADDRESS CPUS" starts a node and is answered with the number of its raylet. The argument is how many CPUs
the head has.
"""

from __future__ import annotations

import json
import logging
import os
import sys

from ray.cluster_utils import Cluster


def main() -> None:
    """Obey until the input ends."""
    logging.disable(logging.WARNING)
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": int(sys.argv[1]), "include_dashboard": False, "node_ip_address": "127.0.0.2"},
    )
    assert cluster.head_node is not None
    processes = cluster.head_node.all_processes
    told = {name: processes[name][0].process.pid for name in ("raylet", "gcs_server")}
    sys.stdout.write(json.dumps({"address": cluster.address, **told}) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        _, address, cpus = line.split()
        node = cluster.add_node(num_cpus=int(cpus), node_ip_address=address)
        sys.stdout.write(json.dumps({"raylet": node.all_processes["raylet"][0].process.pid}) + "\n")
        sys.stdout.flush()
    cluster.shutdown()
    os._exit(0)


if __name__ == "__main__":
    main()
