"""The sending worker as it is run, woken by the ticker alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter

from bench.sink import Behaviour, Received, Sink
from esp.clock import utc_now
from esp.entrypoints.ticker import keep_ticking
from esp.runtime import Runtime
from tests.factories import make_account
from tests.flows.processes import wait_until
from tests.sendings import make_sending, states


def test_the_ticker_wakes_the_worker_which_stops_in_order(settings, runtime):
    messages: list[Received] = []
    behaviour = Behaviour(delay=0.01)
    with Sink(messages.extend, behaviour) as sink:
        changed = settings.model_copy(
            update={"smtp_url": f"smtp://127.0.0.1:{sink.port}", "sending_workers": 2}
        )
        real = Runtime.from_settings(changed, utc_now)
        with real.transaction(None) as session:
            sending = make_sending(session, make_account(session), 1500, batch=200)
        environment = os.environ | {
            "ESP_DATA_DIR": str(changed.data_dir),
            "ESP_DATABASE_URL": changed.database_url,
            "ESP_REDIS_URL": changed.redis_url,
            "ESP_SECRET_KEY": changed.secret_key,
            "ESP_SMTP_URL": changed.smtp_url,
            "ESP_SENDING_WORKERS": "2",
        }
        stopped = threading.Event()
        ticking = threading.Thread(target=keep_ticking, args=(real, stopped))
        ticking.start()
        command = [sys.executable, "-m", "esp.entrypoints.cli", "worker", "--sending"]
        try:
            for until in (300, 1500):
                worker = subprocess.Popen(command, env=environment)
                wait_until(lambda until=until: len(messages) >= until, lambda: len(messages))
                if until == 1500:
                    wait_until(lambda: counted(real, sending) == {"sent": 1500})
                worker.send_signal(signal.SIGTERM)
                worker.wait(30)
                # Whatever was answered is in the ledger, and nothing is held any more.
                assert counted(real, sending).get("sent", 0) == len(messages)
        finally:
            stopped.set()
            ticking.join()
            real.close()
    assert set(Counter(one.rcpt[0] for one in messages).values()) == {1}
    assert len(messages) == 1500


def counted(runtime: Runtime, sending) -> dict[str, int]:
    with runtime.transaction(sending.account_id) as session:
        return states(session, sending)
