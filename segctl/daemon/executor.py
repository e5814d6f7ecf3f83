"""Where APScheduler runs jobs: a thread for each run, which does not outlive the process.

Its own pool of threads is waited for when Python exits, however long a statement takes.
"""

import sys
import threading
from typing import Any

from apscheduler.executors.base import BaseExecutor, run_job


class Threads(BaseExecutor):  # type: ignore[misc]
    """One daemon thread per run of a job; a job never runs twice at once."""

    def _do_submit_job(self, job: Any, run_times: list[Any]) -> None:
        def run() -> None:
            try:
                events = run_job(job, job._jobstore_alias, run_times, self._logger.name)
            except BaseException:
                self._run_job_error(job.id, *sys.exc_info()[1:])
            else:
                self._run_job_success(job.id, events)

        threading.Thread(target=run, name=job.id, daemon=True).start()
