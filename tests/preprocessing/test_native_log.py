from __future__ import annotations

import os
import threading

from smirk3d.preprocessing.native_log import quiet_stderr


def test_drops_what_native_code_writes_and_no_more(capfd):
    os.write(2, b"before\n")
    with quiet_stderr():
        os.write(2, b"during\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nafter\n"


def test_restores_after_an_error(capfd):
    try:
        with quiet_stderr():
            raise KeyError
    except KeyError:
        os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_overlapping_threads_restore_the_stream(capfd):
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with quiet_stderr():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    with quiet_stderr():
        thread.start()
        inside.wait(10)
    os.write(2, b"still held\n")
    leave.set()
    thread.join()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"
