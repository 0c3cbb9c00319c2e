"""What distributed keeps to itself: what no page of its documentation names.

What a name is for stands beside it, and each function makes do without.
"""

from __future__ import annotations

from sdprofile.internals.distributed import client, cluster, samples, scheduler, worker

NAMES = (*client.NAMES, *cluster.NAMES, *samples.NAMES, *scheduler.NAMES, *worker.NAMES)
