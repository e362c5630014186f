"""Clients that ask without a pause, each on a connection of its own, and write down what they were told."""

import threading
import time

import fares
import wire

QUESTION = fares.QUESTIONS[0]


class Client(threading.Thread):
    """Asks `fare` the same question until told to stop. An answer is (epoch, release, amount)."""

    def __init__(self, address, pause_s=0.0005):
        super().__init__(daemon=True)
        self.address, self.pause_s = address, pause_s
        self.answers, self.wrong, self.ended = [], [], None
        self.stopping = threading.Event()
        self.sent = wire.request("POST", "/v1/decide/fare", fares.decide_row(QUESTION))

    def run(self):
        try:
            with wire.Wire(self.address) as connection:
                while not self.stopping.is_set():
                    self.ask(connection)
                    if self.ended:
                        return
                    time.sleep(self.pause_s)
        except (wire.Closed, OSError, AssertionError) as error:
            self.ended = f"{type(error).__name__}: {error}"

    def ask(self, connection):
        connection.send(self.sent)
        try:
            answer = connection.answer()
        except (wire.Closed, ConnectionError) as error:
            # Closed before a byte of an answer: the server let go of a connection that it took for idle.
            self.ended = "closed" if not connection.unread else f"cut off: {error}"
            return
        if answer.status == 200:
            body = answer.json()
            self.answers.append((body["epoch"], body["release"], body["prediction"]["amount"]))
        else:
            self.wrong.append((answer.status, answer.body))
        if answer.closes:
            self.ended = "told to close"
            connection.must_end()

    def stop(self):
        self.stopping.set()
        self.join(20)
        assert not self.is_alive(), "a client hangs"


class Clients:
    """A few of them, as a context: they stop at its end."""

    def __init__(self, address, n=3, pause_s=0.0005):
        self.clients = [Client(address, pause_s) for _ in range(n)]

    def __enter__(self):
        for client in self.clients:
            client.start()
        self.until(lambda: all(len(c.answers) > 20 for c in self.clients))
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.stop()

    def until(self, holds, seconds=10):
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, [(c.ended, c.wrong[:1], len(c.answers)) for c in self.clients]
            time.sleep(0.01)

    def answers(self):
        return [answer for client in self.clients for answer in client.answers]
