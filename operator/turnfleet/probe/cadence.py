"""How often and how long, in one place: every number that the prober's behaviour rests on."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cadence:
    """Seconds, unless a field says otherwise.

    A relay that dies right after an answer leaves the answers after at most ``interval`` +
    ``tries * retry_after`` + ``tick`` = 2.55 s. Above ``tries_per_second`` relays the interval
    stretches, so 10,000 relays are tried every 5 s and a death is seen after 6.6 s at most: the
    prober slows down, it never bursts.
    """

    tick: float = 0.05
    """How often due work is started and verdicts are published."""

    interval: float = 1.0
    """Between two STUN tries of a relay that answers."""
    retry_after: float = 0.5
    """Between tries of one that does not; also how long the last try may take."""
    tries: int = 3
    """Unanswered tries in a row that make a relay dead."""
    tries_per_second: float = 2000.0
    """Over the whole fleet, on average. Measured with uvloop: 1,000 relays take 6 % of a core
    and 41 MB, 10,000 (tried every 5 s) take 19 % and 66 MB, judging included."""

    trial_interval: float = 30.0
    """Between two full client's tests of a relay that passes them."""
    trial_again: float = 5.0
    """Until the next test of a relay that answers STUN and did not pass."""
    credential_again: float = 1.0
    """Until the next test of a relay that refused our credential: after a secret is dropped at once
    the relay has yet to hear of the new one, and until it has nobody can be sent there."""
    credential_tries: int = 5
    """Such tests in a row. A relay that still refuses has another trouble, and no need of haste."""
    trials_per_second: float = 10.0
    """Over the whole fleet: 300 relays are tested every 30 s, 3,000 every 5 minutes."""
    trials_at_once: int = 8
    extra_interval: float = 10.0
    """Between two tests of a relay that somebody asked for, such as clients who complain."""
    extras_per_second: float = 2.0
    """Over the whole fleet, and within ``trials_per_second``."""
    trial_timeout: float = 3.0
    """For connecting and for each request of a test."""
    packet_timeout: float = 1.5
    """For a packet from relay to relay and back, over up to three attempts."""
    credential_ttl: int = 300
    """Lifetime of a minted credential; room for clocks that differ."""

    status_interval: float = 1.0
    """Between two polls of an agent: a draining one waits 2 s to be seen."""
    status_timeout: float = 1.0
    status_fresh: float = 4.0
    """How long a report counts; the stretched interval is added to it."""
    statuses_per_second: float = 100.0
    """Over the whole fleet. Measured with uvloop: a poll takes 0.36 ms, so all of them 4 % of a
    core at the most; 1,000 agents are asked every 10 s."""
    statuses_at_once: int = 32
    """Polls and second looks under way together."""

    evidence_timeout: float = 0.8
    """Of a second look at a relay whose UDP is silent: has to fit between the second unanswered
    try and death."""
    evidence_fresh: float = 3.0

    streak: int = 3
    """STUN answers in a row that a relay needs to come back."""
    hold_first: float = 2.0
    """How long a relay that came back must stay up before it is offered; doubles per flap."""
    hold_max: float = 60.0
    flap_memory: float = 300.0
    """A relay that stays up this long starts over with the first hold."""

    doubt_after: float = 0.4
    """Silence that counts when the prober asks whether it is alone."""
    doubt_minimum: int = 3
    """Relays that must fall silent together before the prober doubts itself while others answer:
    in a tiny fleet two of three relays dying is likelier than losing just the way to them."""
    doubt_max: float = 30.0
    """How long doubt may last while some relays do answer."""
    doubt_grace: float = 2.0
    """After doubt: time for the last relays to answer before their silence counts again."""
    unverified_after: float = 15.0
    """Silence after which a healthy agent is believed again, although its relay had answered
    before: an agent notices a hung coturn within 10 s."""
    load_step: float = 0.02
    """Load is rounded to this, so that a fleet does not change version with every packet."""
    settle_max: float = 10.0
    """How long a relay that is still starting keeps the first round incomplete."""

    def stretched(self, interval: float, *, count: int, per_second: float) -> float:
        """Return ``interval``, or longer where ``count`` relays would go over the budget."""
        return max(interval, count / per_second)
